#include "comm/compression/registry.hpp"

#include <array>

#include "base/names.hpp"

namespace detox {
namespace {

constexpr std::array kCompressors = {
    CompressorInfo{"blosc", "compress", "bits sorted by place, then LZ4", make_blosc_compressor},
    CompressorInfo{"none", "", "chunks travel as they are", nullptr},
    CompressorInfo{"zstd", "", "exponents by Zstandard, mantissas as they are",
                   make_zstd_compressor},
};

}  // namespace

std::span<const CompressorInfo> compressors() { return kCompressors; }

std::unique_ptr<Compressor> make_compressor(std::string_view name) {
  const CompressorInfo& info = find_by_name("compressor", name, compressors());
  return info.make != nullptr ? info.make() : nullptr;
}

}  // namespace detox
