#!/usr/bin/env bash
# Train the starter model on a machine with a GPU, in calls of a few minutes, each of which continues the last.
#
#   tools/starter/on_gpu.sh FOLDER
#
# Every call does what is left: makes the objects' samples, trains until its time is up, and, once all
# steps are done, exports the model and measures it. FOLDER then holds the checkpoint in parts of 15 MB (copy
# the folder along, and a call on another machine continues), the log, and at the end model/ and its reports.
#
# Settings, by environment variable:
#   PYTHON    Python with the packages of requirements/lock.txt and a torch that drives the GPU (.venv/bin/python)
#   MESHES    folders of meshes to learn from, separated by colons; none: generated objects alone
#   LEAVE_OUT regular expression for names of files that are left out
#   SCANS     folder of meshes to measure with, which MESHES must not hold
#   WORK      folder for samples, kept between calls (~/.cache/triposr-blender/starter/gpu)
#   BUDGET    seconds of a call, all told (510)
#   FIRST, OBJECTS, VIEWS, STEPS, BATCH, RATE, SHARE, POINTS, RAYS, DEVICE, CALIBRATED, EVALUATED   see below
set -euo pipefail
began=$SECONDS
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=${1:?usage: tools/starter/on_gpu.sh FOLDER}
: "${PYTHON:=.venv/bin/python}" "${MESHES:=}" "${LEAVE_OUT:=}" "${SCANS:=}" "${BUDGET:=510}"
: "${WORK:=${XDG_CACHE_HOME:-$HOME/.cache}/triposr-blender/starter/gpu}"
: "${FIRST:=72000}" "${OBJECTS:=48000}" "${VIEWS:=8}" "${STEPS:=20000}" "${BATCH:=256}" "${RATE:=2e-3}" "${SHARE:=0.5}"
: "${DEVICE:=cuda}" "${CALIBRATED:=96}" "${EVALUATED:=256}" "${POINTS:=2048}" "${RAYS:=128}"
mkdir -p "$out" "$WORK"
if ! "$PYTHON" -c 'import triposr' 2>/dev/null; then # The checkout is the package, whatever its folder's name.
    packages=$(mktemp -d)
    ln -s "$PWD" "$packages/triposr"
    export PYTHONPATH=$packages${PYTHONPATH:+:$PYTHONPATH}
fi
exec > >(tee -a "$out/log.txt") 2>&1

left() { # seconds of this call that are left
    local seconds=$((BUDGET - SECONDS + began))
    echo $((seconds > 0 ? seconds : 0))
}

in_time() { # run a command that continues where it was stopped; return 1 if the time is up first
    local seconds
    seconds=$(left)
    [ "$seconds" -gt 0 ] || return 1
    timeout "$seconds" "$@" || { [ $? -eq 124 ] && return 1 || exit 1; }
}

later() {
    echo "on_gpu: time is up while $1; the next call continues"
    exit 0
}

# 1. Samples.
in_time "$PYTHON" tools/starter/dataset.py --first "$FIRST" --objects "$OBJECTS" --folder "$WORK/generated" ||
    later "making generated objects"
real=()
if [ -n "$MESHES" ]; then
    IFS=: read -r -a folders <<<"$MESHES"
    in_time "$PYTHON" tools/starter/real_dataset.py "${folders[@]}" --leave-out "$LEAVE_OUT" --views "$VIEWS" \
        --folder "$WORK/real" || later "making views of real objects"
    real=(--real "$WORK/real" --share "$SHARE")
fi

# 2. Training, from the shipped model, with what is needed to continue in $out.
checkpoint=$WORK/checkpoint.pt
if ! [ -e "$checkpoint" ] && [ -e "$out/checkpoint.sha256" ]; then
    cat "$out"/checkpoint.part.* >"$checkpoint.part"
    sed "s|-|$checkpoint.part|" "$out/checkpoint.sha256" | sha256sum --check --quiet
    mv "$checkpoint.part" "$checkpoint"
fi
# Half a minute is for saving; the first seconds of training load and compile.
"$PYTHON" tools/starter/train.py --start --device "$DEVICE" --objects "$WORK/generated" "${real[@]}" \
    --checkpoint "$checkpoint" --steps "$STEPS" --batch "$BATCH" --points "$POINTS" --rays "$RAYS" \
    --rate "$RATE" --seconds $(($(left) > 60 ? $(left) - 30 : 0))
rm -f "$out"/checkpoint.part.* "$out/checkpoint.sha256"
split --bytes=15M "$checkpoint" "$out/checkpoint.part."
sha256sum <"$checkpoint" >"$out/checkpoint.sha256"
"$PYTHON" - "$checkpoint" <<'END' || later "training"
import sys, torch

state = torch.load(sys.argv[1], map_location="cpu", weights_only=True)
sys.exit(state["step"] < state["steps"])
END

# 3. The model and its figures; the folder of the shipped one stays as it is.
"$PYTHON" tools/starter/export.py --checkpoint "$checkpoint" --folder "$out/model" --heads "$out/heads.safetensors" \
    --calibrate "$CALIBRATED"
in_time "$PYTHON" tools/starter/evaluate.py --model "$out/model" --out "$out/generated" --objects "$EVALUATED" ||
    later "measuring with generated objects"
if [ -n "$SCANS" ]; then
    in_time "$PYTHON" tools/starter/real_evaluate.py "$SCANS" --model "$out/model" --out "$out/real" ||
        later "measuring with scans"
fi
echo "on_gpu: done; see $out/model and the reports beside it"
