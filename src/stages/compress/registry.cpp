#include "stages/compress/registry.hpp"

#include <array>

#include "base/names.hpp"

namespace detox {
namespace {

constexpr std::array kCodecs = {
    CodecInfo{"none", "float32 as it is", "", make_none_codec},
    CodecInfo{"sign", "one bit a coordinate; what --mode signSGD sends",
              "Bernstein et al. 2019, arXiv 1810.05291", make_sign_codec},
};

}  // namespace

std::span<const CodecInfo> codecs() { return kCodecs; }

const CodecInfo& find_codec(std::string_view name) { return find_by_name("codec", name, codecs()); }

}  // namespace detox
