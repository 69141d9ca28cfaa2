#!/usr/bin/env bash
# Train the starter model on a machine with a GPU, in calls of a few minutes, each of which continues the last.
#
#   tools/starter/on_gpu.sh FOLDER
#
# Every call does what is left: makes the objects' samples, trains until its time is up, and, once all
# steps are done, exports the model and measures it. The exit status says what is next:
#   0   done; FOLDER holds model/, heads.safetensors, and the reports in generated/ and real/
#   75  time is up: call again
#   else something failed; the last lines say what
#
# FOLDER holds all that the next call needs, apart from samples, which are made anew where they are missing.
# Copy it along, and a call on another machine continues. The checkpoint is saved there every 500 steps, in
# parts of at most 16 MB (60 MB in all); log.txt has what was printed. A killed call loses what came after its last
# save. To train anew, pass another FOLDER. STEPS may be raised later; other settings of a training must stay.
# To take the result away in few files of 15 MB (real is there if SCANS were set):
#   tar -C FOLDER -cz model heads.safetensors generated real | split -b 15M - result.tar.gz.
#
# Settings, by environment variable; paths may be relative to where you call:
#   PYTHON    Python with the packages of requirements/lock.txt and a torch that drives the GPU (.venv/bin/python)
#   MESHES    folders of meshes to learn from, separated by colons; none: generated objects alone
#   LEAVE_OUT regular expression for paths of files, below those folders, that are left out
#   SCANS     folder of meshes to measure with, apart from MESHES
#   WORK      folder for samples, kept between calls (~/.cache/triposr-blender/starter/gpu)
#   GENERATED folder of generated samples (in WORK, one for each FIRST and OBJECTS)
#   REAL      folder of real samples (in WORK, one for each MESHES, LEAVE_OUT and VIEWS); MESHES need not be set
#   BUDGET    seconds of a call, all told; at most 10 more until it has ended (510)
#   AT_MOST   steps of a call (any number)
#   FIRST, OBJECTS, VIEWS, STEPS, BATCH, RATE, SHARE, POINTS, RAYS, DEVICE, CALIBRATED, EVALUATED   see below
set -euo pipefail
began=$SECONDS

stop() { # with an error
    echo "on_gpu: $1" >&2
    exit "${2:-1}"
}

absolute() { # path of a path that may be relative to where the script was called
    case $1 in
        /*) printf '%s' "$1" ;;
        *) printf '%s' "$caller/$1" ;;
    esac
}

existing() { # the same for a folder of the setting $2 that must be there, without links and dots
    local folder
    folder=$(absolute "$1")
    [ -d "$folder" ] || stop "there is no folder $folder: correct $2" 2
    (cd "$folder" && pwd -P)
}

caller=$PWD
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
[ -n "${1:-}" ] || stop "usage: tools/starter/on_gpu.sh FOLDER" 2
out=$(absolute "$1")
: "${PYTHON:=$checkout/.venv/bin/python}" "${MESHES:=}" "${LEAVE_OUT:=}" "${SCANS:=}" "${BUDGET:=510}"
: "${WORK:=${XDG_CACHE_HOME:-$HOME/.cache}/triposr-blender/starter/gpu}" "${GENERATED:=}" "${REAL:=}" "${AT_MOST:=}"
: "${FIRST:=72000}" "${OBJECTS:=48000}" "${VIEWS:=8}" "${STEPS:=20000}" "${BATCH:=256}" "${RATE:=2e-3}" "${SHARE:=0.5}"
: "${DEVICE:=cuda}" "${CALIBRATED:=96}" "${EVALUATED:=256}" "${POINTS:=2048}" "${RAYS:=128}"

case $PYTHON in */*) PYTHON=$(absolute "$PYTHON") ;; esac
command -v "$PYTHON" >/dev/null || stop "there is no Python at $PYTHON: set PYTHON to one with the packages" 2
WORK=$(absolute "$WORK")
[ -z "$SCANS" ] || SCANS=$(existing "$SCANS" SCANS)
folders=()
mapfile -t -d : named < <(printf '%s' "$MESHES")
for folder in "${named[@]}"; do
    [ -n "$folder" ] || continue
    folder=$(existing "$folder" MESHES)
    [[ -z $SCANS || ($SCANS/ != "$folder"/* && $folder/ != "$SCANS"/*) ]] ||
        stop "MESHES and SCANS share files: the model would be measured with what it learned" 2
    folders+=("$folder")
done
[ -z "$MESHES" ] || [ ${#folders[@]} -gt 0 ] || stop "MESHES names no folder: correct it, or leave it empty" 2
GENERATED=$(absolute "${GENERATED:-$WORK/generated-$FIRST-$OBJECTS}")
if [ -n "$REAL" ]; then
    REAL=$(absolute "$REAL")
elif [ ${#folders[@]} -gt 0 ]; then
    # The ends of the paths, because another machine may have the same meshes elsewhere.
    ends=$(for folder in "${folders[@]}"; do
        parent=${folder%/*}
        printf '%s/%s\n' "${parent##*/}" "${folder##*/}"
    done)
    digest=$(printf '%s\n' "$VIEWS" "$LEAVE_OUT" "$ends" | sha256sum)
    REAL=$WORK/real-${digest:0:12}
fi

mkdir -p "$out" "$WORK"
exec > >(tee -a "$out/log.txt") 2>&1
cd "$checkout"
export PYTHONUNBUFFERED=1 # What was printed before a command is stopped is worth reading.

# The checkout is the package, whatever its folder's name.
is_package='
import importlib.util, pathlib, sys
spec = importlib.util.find_spec("triposr")
there = spec and spec.origin and pathlib.Path(spec.origin).resolve().parent == pathlib.Path.cwd()
sys.exit(0 if there else 3)
'
status=0
"$PYTHON" -c "$is_package" || status=$?
if [ "$status" -eq 3 ]; then
    packages=$(mktemp -d)
    trap 'rm -rf "$packages"' EXIT
    ln -s "$PWD" "$packages/triposr"
    export PYTHONPATH=$packages${PYTHONPATH:+:$PYTHONPATH}
elif [ "$status" -ne 0 ]; then
    stop "$PYTHON does not run (status $status): set PYTHON to one with the packages" 2
fi

left() { # seconds of this call that are left
    local seconds=$((BUDGET - SECONDS + began))
    echo $((seconds > 0 ? seconds : 0))
}

later() {
    echo "on_gpu: time is up while $1; the next call continues"
    exit 75
}

in_time() { # run a command, which continues where it was stopped; end the call if the time is up first
    local what=$1 seconds status=0
    shift
    seconds=$(left)
    [ "$seconds" -gt 0 ] || later "$what"
    timeout -k 10 "$seconds" "$@" || status=$?
    case $status in
        0) return ;;
        75 | 124) later "$what" ;;
        137) [ "$(left)" -gt 0 ] || later "$what" ;; # else killed by another, for memory perhaps
    esac
    stop "$what failed with status $status; see the lines above"
}

# 1. Samples.
in_time "making generated objects" "$PYTHON" tools/starter/dataset.py --first "$FIRST" --objects "$OBJECTS" \
    --folder "$GENERATED"
if [ ${#folders[@]} -gt 0 ]; then
    in_time "making views of real objects" "$PYTHON" tools/starter/real_dataset.py "${folders[@]}" \
        --leave-out "$LEAVE_OUT" --views "$VIEWS" --folder "$REAL"
fi

# 2. Training, from the shipped model. The last seconds are for saving.
seconds=$(left)
in_time "training" "$PYTHON" tools/starter/train.py --start --device "$DEVICE" --objects "$GENERATED" \
    ${REAL:+--real "$REAL" --share "$SHARE"} --checkpoint "$out" --steps "$STEPS" --batch "$BATCH" \
    --points "$POINTS" --rays "$RAYS" --rate "$RATE" ${AT_MOST:+--at-most "$AT_MOST"} \
    --until $(($(date +%s) + (seconds > 120 ? seconds - 30 : seconds * 3 / 4)))

# 3. The model and its figures, each unless it is there; the folder of the shipped one stays as it is.
in_time "exporting" "$PYTHON" tools/starter/export.py --resume --checkpoint "$out" --folder "$out/model" \
    --heads "$out/heads.safetensors" --calibrate "$CALIBRATED"
in_time "measuring with generated objects" "$PYTHON" tools/starter/evaluate.py --resume --model "$out/model" \
    --out "$out/generated" --objects "$EVALUATED"
[ -z "$SCANS" ] || in_time "measuring with scans" "$PYTHON" tools/starter/real_evaluate.py "$SCANS" --resume \
    --model "$out/model" --out "$out/real"
echo "on_gpu: done; see $out/model and the reports beside it"
