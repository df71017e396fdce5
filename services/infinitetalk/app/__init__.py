"""InfiniteTalk behind HTTP: a picture or a video and speech in, a talking video out."""
