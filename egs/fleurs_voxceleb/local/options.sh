# Options of stage 1 of this recipe. utt.sh passes them to local/data.sh.
# shellcheck shell=bash disable=SC2034

# >>> options
# Corpora
fleurs=                 # FLEURS: folder with data/<lang>/{train,dev,test}.tsv and audio/*.tar.gz
voxceleb1=              # VoxCeleb1: folder with wav/, vox1_meta.csv and the trial lists
voxceleb2=              # VoxCeleb2: folder with dev/aac/ and vox2_meta.csv
voxceleb_trials=        # folder of the trial lists, if they are not in the VoxCeleb1 folder
commonvoice=            # Common Voice: folder of a release, with <lang>/{train,dev}.tsv and <lang>/clips/
voxpopuli=              # VoxPopuli: folder with raw_audios/ or transcribed_data/
mtedx=                  # mTEDx: folder with <src>-<tgt>/data/
languages=              # FLEURS languages, e.g. "en_us fr_fr"; default all 102
commonvoice_languages=  # Common Voice languages, e.g. "en fr"; default all in the folder
mtedx_pairs=            # mTEDx pairs, e.g. "it-en fr-en"; default it-en
num_valid_speakers=     # VoxCeleb2 speakers held out for the validation loss and calibration; default 100
cohort_per_speaker=     # VoxCeleb2 utterances per training speaker in the cohort of AS-norm; default 10
min_accent_speakers=    # Common Voice speakers that an accent needs to become a label; default 20
allow_incomplete=false  # true: continue with a corpus whose files are partly missing
# <<< options

# Corpus folders in db.sh. VOXCELEB contains voxceleb1/ and voxceleb2/.
db_roots=(fleurs=FLEURS voxceleb1=VOXCELEB/voxceleb1 voxceleb2=VOXCELEB/voxceleb2 commonvoice=COMMONVOICE
    voxpopuli=VOXPOPULI mtedx=MTEDX)
