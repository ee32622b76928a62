# How training is started: sourced by utt.sh. Change it for a cluster.
# shellcheck shell=bash

# ESPnet's own launcher; one process for each GPU of this machine, one process without a GPU.
# On several machines, or under Slurm, set e.g.
#   train_cmd=(srun --nodes 2 --gpus-per-node 8 python -m espnet_ext.bin.utt_train --dist_launcher slurm)
export train_cmd=(python -m espnet_ext.bin.utt_train)
