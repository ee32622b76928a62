# Options of stage 1 of this recipe, declared in Python; ./utt.sh reads them from here and passes them to local/data.sh.
# shellcheck shell=bash

list_data_options() { local/data.sh --list_options; }
