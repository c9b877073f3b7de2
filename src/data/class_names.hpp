// What the classes of the registered data sets are called, in the order of their labels.
#pragma once

#include <array>
#include <string_view>

namespace detox {

inline constexpr std::array<std::string_view, 10> kDigitNames{"0", "1", "2", "3", "4",
                                                              "5", "6", "7", "8", "9"};

inline constexpr std::array<std::string_view, 10> kClothesNames{
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};

inline constexpr std::array<std::string_view, 10> kCifar10Names{
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};

/// The fine labels, as fine_label_names.txt lists them.
inline constexpr std::array<std::string_view, 100> kCifar100Names{
    "apple",       "aquarium_fish", "baby",      "bear",       "beaver",       "bed",
    "bee",         "beetle",        "bicycle",   "bottle",     "bowl",         "boy",
    "bridge",      "bus",           "butterfly", "camel",      "can",          "castle",
    "caterpillar", "cattle",        "chair",     "chimpanzee", "clock",        "cloud",
    "cockroach",   "couch",         "crab",      "crocodile",  "cup",          "dinosaur",
    "dolphin",     "elephant",      "flatfish",  "forest",     "fox",          "girl",
    "hamster",     "house",         "kangaroo",  "keyboard",   "lamp",         "lawn_mower",
    "leopard",     "lion",          "lizard",    "lobster",    "man",          "maple_tree",
    "motorcycle",  "mountain",      "mouse",     "mushroom",   "oak_tree",     "orange",
    "orchid",      "otter",         "palm_tree", "pear",       "pickup_truck", "pine_tree",
    "plain",       "plate",         "poppy",     "porcupine",  "possum",       "rabbit",
    "raccoon",     "ray",           "road",      "rocket",     "rose",         "sea",
    "seal",        "shark",         "shrew",     "skunk",      "skyscraper",   "snail",
    "snake",       "spider",        "squirrel",  "streetcar",  "sunflower",    "sweet_pepper",
    "table",       "tank",          "telephone", "television", "tiger",        "tractor",
    "train",       "trout",         "tulip",     "turtle",     "wardrobe",     "whale",
    "willow_tree", "wolf",          "woman",     "worm"};

/// What src/prepare draws for synthetic-cifar10: a texture and a shape.
inline constexpr std::array<std::string_view, 10> kSynthetic10Names{
    "striped disc", "striped square", "striped triangle", "striped ring", "striped cross",
    "checked disc", "checked square", "checked triangle", "checked ring", "checked cross"};

/// For synthetic-cifar100: ten textures of each of ten shapes.
inline constexpr std::array<std::string_view, 100> kSynthetic100Names{
    "plain disc",       "striped disc",      "upright disc",     "slanted disc",
    "checked disc",     "dotted disc",       "ringed disc",      "shaded disc",
    "coarse disc",      "speckled disc",     "plain square",     "striped square",
    "upright square",   "slanted square",    "checked square",   "dotted square",
    "ringed square",    "shaded square",     "coarse square",    "speckled square",
    "plain triangle",   "striped triangle",  "upright triangle", "slanted triangle",
    "checked triangle", "dotted triangle",   "ringed triangle",  "shaded triangle",
    "coarse triangle",  "speckled triangle", "plain ring",       "striped ring",
    "upright ring",     "slanted ring",      "checked ring",     "dotted ring",
    "ringed ring",      "shaded ring",       "coarse ring",      "speckled ring",
    "plain cross",      "striped cross",     "upright cross",    "slanted cross",
    "checked cross",    "dotted cross",      "ringed cross",     "shaded cross",
    "coarse cross",     "speckled cross",    "plain bar",        "striped bar",
    "upright bar",      "slanted bar",       "checked bar",      "dotted bar",
    "ringed bar",       "shaded bar",        "coarse bar",       "speckled bar",
    "plain dumbbell",   "striped dumbbell",  "upright dumbbell", "slanted dumbbell",
    "checked dumbbell", "dotted dumbbell",   "ringed dumbbell",  "shaded dumbbell",
    "coarse dumbbell",  "speckled dumbbell", "plain crescent",   "striped crescent",
    "upright crescent", "slanted crescent",  "checked crescent", "dotted crescent",
    "ringed crescent",  "shaded crescent",   "coarse crescent",  "speckled crescent",
    "plain tee",        "striped tee",       "upright tee",      "slanted tee",
    "checked tee",      "dotted tee",        "ringed tee",       "shaded tee",
    "coarse tee",       "speckled tee",      "plain frame",      "striped frame",
    "upright frame",    "slanted frame",     "checked frame",    "dotted frame",
    "ringed frame",     "shaded frame",      "coarse frame",     "speckled frame"};

}  // namespace detox
