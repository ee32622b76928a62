# Options of stage 1 of this recipe; ./utt.sh reads them from here and hands them to local/data.sh.
# shellcheck shell=bash disable=SC2034

# >>> options
# Corpora, one or several
crema_d=                # CREMA-D: folder with AudioWAV/ and VideoDemographics.csv
ravdess=                # RAVDESS: folder with Actor_01/ and so on
iemocap=                # IEMOCAP: folder with Session1/ to Session5/
fold=1                  # the fold that is tested; the next one is dev
num_folds=5             # of the speakers; those of IEMOCAP are its 5 sessions
iemocap_emotions=four   # four: angry, happy, neutral, sad; all: every emotion that the evaluators agreed upon
merge_excited=true      # true: excited turns of IEMOCAP are happy ones
allow_incomplete=false  # true: go on with a corpus of which something is missing
# <<< options
