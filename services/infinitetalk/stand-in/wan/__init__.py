"""Stand-in: the packages that InfiniteTalk's `wan` imports."""
import cv2
import decord
import diffusers
import easydict
import einops
import ftfy
import imageio
import loguru
import moviepy.editor
import optimum.quanto
import scenedetect
import skimage
import torchvision
import transformers
import xformers.ops
import xfuser.core.distributed
import xfuser.core.long_ctx_attention

from . import multitalk
