#include "report/crc32c.hpp"

#include <array>

namespace detox {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78;  // reflected
constexpr unsigned kByteBits = 8;

constexpr std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t rest = byte;
    for (unsigned bit = 0; bit < kByteBits; ++bit)
      rest = (rest >> 1) ^ ((rest & 1) != 0 ? kPolynomial : 0);
    table[byte] = rest;
  }
  return table;
}

constexpr std::array kCrcTable = crc_table();

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t rest = ~std::uint32_t{0};
  for (const char byte : bytes)
    rest = kCrcTable[(rest ^ static_cast<unsigned char>(byte)) & 0xFF] ^ (rest >> kByteBits);
  return ~rest;
}

}  // namespace detox
