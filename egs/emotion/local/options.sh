# Options of stage 1 of this recipe, declared in Python. utt.sh reads them from here and passes them to local/data.sh.
# shellcheck shell=bash disable=SC2034

list_data_options() { local/data.sh --list_options; }

# Corpus folders in db.sh.
db_roots=(crema_d=CREMA_D ravdess=RAVDESS iemocap=IEMOCAP)
