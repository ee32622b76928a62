# Options of stage 1 of this recipe. utt.sh passes them to local/data.sh.
# shellcheck shell=bash disable=SC2034

# >>> options
# Corpora (one or more)
crema_d=                # CREMA-D: folder with AudioWAV/ and VideoDemographics.csv
ravdess=                # RAVDESS: folder with Actor_01/, Actor_02/ ...
iemocap=                # IEMOCAP: folder with Session1/ to Session5/
fold=1                  # test fold; the next one is the validation set
num_folds=5             # folds of speakers; IEMOCAP has 5, its sessions
iemocap_emotions=four   # four: angry, happy, neutral, sad; all: every emotion on which the evaluators agreed
merge_excited=true      # true: label excited turns of IEMOCAP as happy
allow_incomplete=false  # true: continue with a corpus whose files are partly missing
# <<< options

# Corpus folders in db.sh.
db_roots=(crema_d=CREMA_D ravdess=RAVDESS iemocap=IEMOCAP)
