# Options of stage 1 of this recipe; ./utt.sh reads them from here and hands them to local/data.sh.
# shellcheck shell=bash disable=SC2034

# >>> options
# Corpora
fleurs=                 # FLEURS: folder with data/<lang>/{train,dev,test}.tsv and audio/*.tar.gz
voxceleb1=              # VoxCeleb1: folder with wav/, vox1_meta.csv and the trial lists
voxceleb2=              # VoxCeleb2: folder with dev/aac/ and vox2_meta.csv
voxceleb_trials=        # folder of the trial lists, if they do not lie in that of VoxCeleb1
commonvoice=            # Common Voice: folder of a release, with <lang>/{train,dev}.tsv and <lang>/clips/
voxpopuli=              # VoxPopuli: folder with raw_audios/ or transcribed_data/
mtedx=                  # mTEDx: folder with <src>-<tgt>/data/
languages=              # FLEURS languages, e.g. "en_us fr_fr"; all 102 if empty
commonvoice_languages=  # Common Voice languages, e.g. "en fr"; all that are there if empty
mtedx_pairs=            # mTEDx pairs, e.g. "it-en fr-en"; it-en if empty
num_valid_speakers=     # VoxCeleb2 speakers held out for the dev loss and calibration; 100 if empty
cohort_per_speaker=     # VoxCeleb2 utterances of each training speaker in the cohort of AS-norm; 10 if empty
min_accent_speakers=    # Common Voice speakers of an accent that make it a label; 20 if empty
allow_incomplete=false  # true: go on with a corpus of which something is missing
# <<< options
