// The explicit list of networks: one line each, sorted by name.
#include "learn/networks/registry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/assert.hpp"
#include "base/names.hpp"
#include "detox/errors.hpp"
#include "learn/networks/torchscript.hpp"

namespace detox {
namespace {

constexpr auto kFirst = MemoryLayout::kChannelsFirst;
constexpr auto kLast = MemoryLayout::kChannelsLast;

constexpr std::string_view kDetox =
    "Rajput et al., DETOX, NeurIPS 2019, arXiv 1907.12205 (the code that came with it)";
constexpr std::string_view kLeCun =
    "LeCun et al., Gradient-based learning applied to document recognition, Proc. IEEE 86, 1998";
constexpr std::string_view kDense =
    "Huang et al., Densely Connected Convolutional Networks, CVPR 2017, arXiv 1608.06993";
constexpr std::string_view kHe =
    "He et al., Deep Residual Learning for Image Recognition, CVPR 2016, arXiv 1512.03385";
constexpr std::string_view kVgg =
    "Simonyan and Zisserman, Very Deep Convolutional Networks, ICLR 2015, arXiv 1409.1556";

constexpr std::string_view kBasic = "residual network of basic blocks, stem for small images";
constexpr std::string_view kBottleneck = "residual network of bottlenecks, stem for small images";
constexpr std::string_view kCifar = "residual network for CIFAR, of 16, 32 and 64 channels";
constexpr std::string_view kNormed = "3x3 convolutions with batch norm, one linear layer";
constexpr std::string_view kPlain = "3x3 convolutions without batch norm, one linear layer";

// clang-format off
constexpr std::array kEntries{
    NetworkEntry{{"DenseNet121", "densely connected network of growth rate 32, stem for small images", kDense}, make_densenet, kLast, 121},
    NetworkEntry{{"FC", "three fully connected layers of 800, 500 and as many values as classes", kDetox}, make_fc, kFirst},
    NetworkEntry{{"LeNet", "two convolutions and two fully connected layers", kLeCun}, make_lenet, kLast},
    NetworkEntry{{"ResNet101", kBottleneck, kHe}, make_resnet, kLast, 101},
    NetworkEntry{{"ResNet110", kCifar, kHe}, make_cifar_resnet, kLast, 110},
    NetworkEntry{{"ResNet152", kBottleneck, kHe}, make_resnet, kLast, 152},
    NetworkEntry{{"ResNet18", kBasic, kHe}, make_resnet, kLast, 18},
    NetworkEntry{{"ResNet20", kCifar, kHe}, make_cifar_resnet, kLast, 20},
    NetworkEntry{{"ResNet32", kCifar, kHe}, make_cifar_resnet, kLast, 32},
    NetworkEntry{{"ResNet34", kBasic, kHe}, make_resnet, kLast, 34},
    NetworkEntry{{"ResNet44", kCifar, kHe}, make_cifar_resnet, kLast, 44},
    NetworkEntry{{"ResNet50", kBottleneck, kHe}, make_resnet, kLast, 50},
    NetworkEntry{{"ResNet56", kCifar, kHe}, make_cifar_resnet, kLast, 56},
    NetworkEntry{{"VGG11", kNormed, kVgg}, make_vgg, kLast, 11},
    NetworkEntry{{"VGG11-plain", kPlain, kVgg}, make_plain_vgg, kLast, 11},
    NetworkEntry{{"VGG13", kNormed, kVgg}, make_vgg, kLast, 13},
    NetworkEntry{{"VGG13-plain", kPlain, kVgg}, make_plain_vgg, kLast, 13},
    NetworkEntry{{"VGG16", kNormed, kVgg}, make_vgg, kLast, 16},
    NetworkEntry{{"VGG16-plain", kPlain, kVgg}, make_plain_vgg, kLast, 16},
    NetworkEntry{{"VGG19", kNormed, kVgg}, make_vgg, kLast, 19},
    NetworkEntry{{"VGG19-plain", kPlain, kVgg}, make_plain_vgg, kLast, 19},
};
// clang-format on

constexpr auto kInfos = [] {
  std::array<NetworkInfo, kEntries.size()> infos;
  std::transform(kEntries.begin(), kEntries.end(), infos.begin(),
                 [](const NetworkEntry& entry) { return entry.info; });
  return infos;
}();

}  // namespace

std::span<const NetworkInfo> networks() { return kInfos; }

const NetworkInfo& find_network(std::string_view name) {
  return find_by_name("network", name, networks());
}

const NetworkEntry& find_network_entry(std::string_view name) {
  const std::string_view exact = find_network(name).name;
  const auto* entry = std::find_if(kEntries.begin(), kEntries.end(),
                                   [&](const NetworkEntry& e) { return e.info.name == exact; });
  DETOX_ASSERT(entry != kEntries.end());
  return *entry;
}

std::string resolve_network(std::string_view network) {
  if (is_torchscript_path(network)) return std::string(network);
  const bool is_name =
      std::any_of(kEntries.begin(), kEntries.end(), [&](const NetworkEntry& entry) {
        return canonical_name(entry.info.name) == canonical_name(network);
      });
  std::error_code ignored;
  // A file of the current folder, whatever it is called: from now on a path.
  if (!is_name && std::filesystem::is_regular_file(network, ignored))
    return "./" + std::string(network);
  if (!is_name && network.find('.') != std::string_view::npos) {
    throw UsageError(fmt::format(
        "--network {}: the current folder has no such file, and no network is called so "
        "(detoxml list)",
        printable(network)));
  }
  return std::string(find_network(network).name);
}

}  // namespace detox
