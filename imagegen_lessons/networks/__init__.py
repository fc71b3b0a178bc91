"""Networks that several arcs use: classifiers, and pretrained feature extractors."""

from imagegen_lessons.networks.classifier import ConvNet, FaceClassifier
from imagegen_lessons.networks.features import FeatureExtractor, PretrainedExtractor
