from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CppExtension

setup(
    packages=[],
    ext_modules=[CppExtension("speech_envelope", ["speech_envelope.cpp"])],
    cmdclass={"build_ext": BuildExtension},
)
