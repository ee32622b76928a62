# Options of stage 1 of this recipe, declared in Python. utt.sh reads them from here and passes them to local/data.sh.
# shellcheck shell=bash disable=SC2034

list_data_options() { local/data.sh --list_options; }

# Corpus folders in db.sh.
# VOXCELEB contains voxceleb1/ and voxceleb2/.
db_roots=(fleurs=FLEURS voxceleb1=VOXCELEB/voxceleb1 voxceleb2=VOXCELEB/voxceleb2 commonvoice=COMMONVOICE
    voxpopuli=VOXPOPULI mtedx=MTEDX mls=MLS)
