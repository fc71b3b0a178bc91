"""Networks that several arcs use: classifiers, and pretrained feature extractors."""

from imagegen_lessons.networks.attributes import AttributeClassifier
from imagegen_lessons.networks.classifier import ConvNet, FaceClassifier, check_counts, check_pictures
from imagegen_lessons.networks.features import FeatureExtractor, PretrainedExtractor
