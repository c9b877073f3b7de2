#include "stages/compress/registry.hpp"

#include <algorithm>
#include <array>

#include "base/names.hpp"

namespace detox {
namespace {

constexpr std::array kCodecs = {
    CodecInfo{.name = "none", .summary = "float32 as it is", .paper = "", .make = make_none_codec},
    CodecInfo{.name = "sign",
              .summary = "one bit a coordinate; what --mode signSGD sends",
              .paper = "Bernstein et al. 2019, arXiv 1810.05291",
              .make = make_sign_codec,
              .keeps_signs_alone = true},
};

}  // namespace

std::span<const CodecInfo> codecs() { return kCodecs; }

const CodecInfo& find_codec(std::string_view name) { return find_by_name("codec", name, codecs()); }

const CodecInfo& codec_for(bool signs_alone) {
  return *std::ranges::find(kCodecs, signs_alone, &CodecInfo::keeps_signs_alone);
}

}  // namespace detox
