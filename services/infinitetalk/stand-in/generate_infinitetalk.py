"""Stand-in for InfiniteTalk's command: the same options, no generation."""
import argparse
import sys

import librosa
import pyloudnorm
import soundfile

import wan


def _parse_args():
    parser = argparse.ArgumentParser()
    for name in ("ckpt_dir", "wav2vec_dir", "infinitetalk_dir", "input_json", "size", "mode", "save_file", "audio_save_dir"):
        parser.add_argument(f"--{name}")
    for name in ("sample_steps", "motion_frame", "num_persistent_param_in_dit"):
        parser.add_argument(f"--{name}", type=int)
    return parser.parse_args()


def generate(args):
    sys.exit("this is a stand-in for InfiniteTalk's source: it generates nothing")


if __name__ == "__main__":
    generate(_parse_args())
