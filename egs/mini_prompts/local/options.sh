# Options of stage 1 of this recipe. utt.sh passes them to local/data.sh.
# shellcheck shell=bash disable=SC2034

# >>> options
# Corpora
num_synthetic_sentences=200  # synthetic sentences of user interfaces, each in 5 languages
voices_per_prompt=1          # synthetic voices per training prompt
voices_per_sentence=1        # synthetic voices per synthetic sentence
debian_mirror=               # address of a Debian mirror, or folder of .deb files, for machines without apt-get
# <<< options
