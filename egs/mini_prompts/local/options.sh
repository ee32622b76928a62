# Options of stage 1 of this recipe; ./utt.sh reads them and passes them to local/data.sh.
# shellcheck shell=bash disable=SC2034

# >>> options
# Corpora
num_synthetic_sentences=200  # interface sentences, each in 5 languages
voices_per_prompt=1          # synthetic voices for each training prompt
voices_per_sentence=1        # synthetic voices for each interface sentence
debian_mirror=               # Debian mirror (address) or folder of .deb files, for machines without apt-get
# <<< options
