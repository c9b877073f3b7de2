// One entry a data set, sorted by name. Every size and checksum was compared in several independent
// places: the publishers' pages (MD5 of CIFAR and Fashion-MNIST), Torchvision (MD5), TensorFlow
// Datasets and Torchvision for Ruby (SHA-256, also of CIFAR's unpacked files).
#include "prepare/recipes.hpp"

#include <array>

#include "base/names.hpp"

namespace detox {
namespace {

using Bases2 = std::array<std::string_view, 2>;

// The original place of MNIST, yann.lecun.com, does not offer the files any more.
constexpr Bases2 kMnistBases = {"https://ossci-datasets.s3.amazonaws.com/mnist/",
                                "https://storage.googleapis.com/cvdf-datasets/mnist/"};
constexpr Bases2 kFashionBases = {
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"};
constexpr Bases2 kCifarBases = {"https://www.cs.toronto.edu/~kriz/",
                                "https://cave.cs.toronto.edu/kriz/"};
constexpr Bases2 kSvhnBases = {"https://ufldl.stanford.edu/housenumbers/",
                               "http://ufldl.stanford.edu/housenumbers/"};

constexpr PublishedFile kCifar10Archive[] = {
    {"cifar-10-binary.tar.gz", 170'052'171, "c32a1d4ab5d03f1284b67883e8d87530",
     "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"}};
constexpr PublishedFile kCifar10Files[] = {
    {"data_batch_1.bin", 30'730'000, "5dd7e06a14cb22eb9f671a540d1b7c25",
     "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"},
    {"data_batch_2.bin", 30'730'000, "5ea93a67294ea407fff1d09f752e9692",
     "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"},
    {"data_batch_3.bin", 30'730'000, "942cd6a4bcdd0dd3c604fbe906cb4421",
     "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"},
    {"data_batch_4.bin", 30'730'000, "ae636b3ba5c66a11e91e8cb52e771fcb",
     "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"},
    {"data_batch_5.bin", 30'730'000, "53f37980c15c3d472c316c40844f3f0d",
     "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"},
    {"test_batch.bin", 30'730'000, "803d5f7f4d78ea53de84dbe85f74fb6d",
     "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"}};

constexpr PublishedFile kCifar100Archive[] = {
    {"cifar-100-binary.tar.gz", 168'513'733, "03b5dce01913d631647c71ecec9e9cb8",
     "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"}};
constexpr PublishedFile kCifar100Files[] = {
    {"test.bin", 30'740'000, "4499cfba6c016c1be1438163640a0898",
     "d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a"},
    {"train.bin", 153'700'000, "6172c7755cfe09b2fe270c85cebc1b15",
     "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29"}};

constexpr PublishedFile kFashionDownloads[] = {
    {"t10k-images-idx3-ubyte.gz", 4'422'102, "bef4ecab320f06d8554ea6380940ec79",
     "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"},
    {"t10k-labels-idx1-ubyte.gz", 5'148, "bb300cfdad3c16e7a12a480ee83cd310",
     "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"},
    {"train-images-idx3-ubyte.gz", 26'421'880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
     "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"},
    {"train-labels-idx1-ubyte.gz", 29'515, "25c81989df183df01b3e8a0aad5dffbe",
     "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"}};
constexpr PublishedFile kFashionFiles[] = {
    {"t10k-images-idx3-ubyte", 7'840'016, "8181f5470baa50b63fa0f6fddb340f0a",
     "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"},
    {"t10k-labels-idx1-ubyte", 10'008, "15d484375f8d13e6eb1aabb0c3f46965",
     "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"},
    {"train-images-idx3-ubyte", 47'040'016, "f4a8712d7a061bf5bd6d2ca38dc4d50a",
     "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"},
    {"train-labels-idx1-ubyte", 60'008, "9018921c3c673c538a1fc5bad174d6f9",
     "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"}};

constexpr PublishedFile kMnistDownloads[] = {
    {"t10k-images-idx3-ubyte.gz", 1'648'877, "9fb629c4189551a2d022fa330f9573f3",
     "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"},
    {"t10k-labels-idx1-ubyte.gz", 4'542, "ec29112dd5afa0611ce80d1b7f02629c",
     "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"},
    {"train-images-idx3-ubyte.gz", 9'912'422, "f68b3c2dcbeaaa9fbdd348bbdeb94873",
     "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"},
    {"train-labels-idx1-ubyte.gz", 28'881, "d53e105ee54ea40749a09fcbcd1e9432",
     "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"}};
constexpr PublishedFile kMnistFiles[] = {
    {"t10k-images-idx3-ubyte", 7'840'016, "2646ac647ad5339dbf082846283269ea",
     "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
    {"t10k-labels-idx1-ubyte", 10'008, "27ae3e4e09519cfbb04c329615203637",
     "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"},
    {"train-images-idx3-ubyte", 47'040'016, "6bbc9ace898e44ae57da46a324031adb",
     "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
    {"train-labels-idx1-ubyte", 60'008, "a25bea736e30d166cdddb491f175f624",
     "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"}};

constexpr PublishedFile kSvhnFiles[] = {
    {"test_32x32.mat", 64'275'384, "eb5a983be6a315427106f1b164d9cef3",
     "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b"},
    {"train_32x32.mat", 182'040'794, "e26dedcc434d2e4c54c9b2d4a06d8373",
     "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8"}};

constexpr std::array<Recipe, 7> kRecipes{{
    {.name = "Cifar10",
     .page = "https://www.cs.toronto.edu/~kriz/cifar.html",
     .bases = kCifarBases,
     .downloads = kCifar10Archive,
     .unpacked = "cifar-10-batches-bin",
     .contents = kCifar10Files},
    {.name = "Cifar100",
     .page = "https://www.cs.toronto.edu/~kriz/cifar.html",
     .bases = kCifarBases,
     .downloads = kCifar100Archive,
     .unpacked = "cifar-100-binary",
     .contents = kCifar100Files},
    {.name = "FashionMNIST",
     .page = "https://github.com/zalandoresearch/fashion-mnist",
     .bases = kFashionBases,
     .downloads = kFashionDownloads,
     .unpacked = "",
     .contents = kFashionFiles},
    {.name = "MNIST",
     .page = "https://ossci-datasets.s3.amazonaws.com/mnist/",
     .bases = kMnistBases,
     .downloads = kMnistDownloads,
     .unpacked = "",
     .contents = kMnistFiles},
    {.name = "SVHN",
     .page = "http://ufldl.stanford.edu/housenumbers/",
     .bases = kSvhnBases,
     .downloads = kSvhnFiles,
     .unpacked = "",
     .contents = kSvhnFiles},
    {.name = "synthetic-cifar10",
     .page = "",
     .bases = {},
     .downloads = {},
     .unpacked = "cifar-10-batches-bin",
     .contents = {},
     .generated_classes = 10},
    {.name = "synthetic-cifar100",
     .page = "",
     .bases = {},
     .downloads = {},
     .unpacked = "cifar-100-binary",
     .contents = {},
     .generated_classes = 100},
}};

}  // namespace

std::span<const Recipe> recipes() { return kRecipes; }

const Recipe& find_recipe(std::string_view name) {
  return find_by_name("data set", name, recipes());
}

}  // namespace detox
