// What the program knows of networks before it computes with one.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/learner.hpp"
#include "base/names.hpp"
#include "detox/errors.hpp"
#include "learn/network_path.hpp"

namespace detox {
namespace {

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

constexpr NetworkInfo kNetworks[] = {
#define NETWORK(NAME, SUMMARY, PAPER, MAKER, LAYOUT, DEPTH) NetworkInfo{NAME, SUMMARY, PAPER},
#include "learn/networks.def"
#undef NETWORK
};

}  // namespace

std::span<const NetworkInfo> networks() { return kNetworks; }

const NetworkInfo& find_network(std::string_view name) {
  return find_by_name("network", name, networks());
}

bool is_network_path(std::string_view network) {
  return network.find('/') != std::string_view::npos || network.ends_with(".pt");
}

std::string resolve_network(std::string_view network) {
  if (is_network_path(network)) return std::string(network);
  const bool is_name = std::ranges::any_of(kNetworks, [&](const NetworkInfo& info) {
    return canonical_name(info.name) == canonical_name(network);
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
