# The command that starts training. utt.sh sources this file. Adapt it to your cluster.
# shellcheck shell=bash disable=SC2154 # options of utt.sh

# ESPnet's launcher: one process per GPU of this machine, or one process on the CPU.
train_cmd=(python -m espnet_ext.bin.utt_train)

# Several machines (--num_nodes 2 --ngpu 8) in a Slurm allocation: salloc --nodes 2 --gpus-per-node 8, then ./run.sh.
# Each node runs one task, which starts one process per GPU. Only the first node writes outputs.
if [ "${num_nodes}" -gt 1 ]; then
    [ -n "${SLURM_JOB_ID:-}" ] ||
        fail "--num_nodes ${num_nodes} needs a Slurm allocation (salloc); for other clusters see cmd.sh"
    train_cmd=(srun --nodes "${num_nodes}" --ntasks-per-node 1 --gpus-per-node "${ngpu}" --kill-on-bad-exit=1
        "${train_cmd[@]}" --dist_launcher slurm
        --dist_master_addr "$(scontrol show hostnames "${SLURM_JOB_NODELIST}" | head -n 1)"
        --dist_master_port "$((20000 + SLURM_JOB_ID % 20000))")
fi

# Without Slurm, run stage 3 on every node with additional training options:
#   ./run.sh --stage 3 --stop-stage 3 --ngpu 8 \
#       --train_args "--dist_world_size 2 --dist_rank 0 --dist_master_addr HOST --dist_master_port 29500"
# The other node has --dist_rank 1.
