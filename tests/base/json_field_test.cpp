#include "base/json_field.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>

namespace detox {
namespace {

template <class T>
std::optional<T> read(const char* text) {
  T value{};
  try {
    read_field(nlohmann::json::parse(text), "x", value);
  } catch (const std::exception&) {
    return std::nullopt;
  }
  return value;
}

TEST(JsonField, IsReadWhereItHasTheType) {
  EXPECT_EQ(read<bool>(R"({"x": true})"), true);
  EXPECT_EQ(read<std::string>(R"({"x": "a"})"), "a");
  EXPECT_EQ(read<double>(R"({"x": 2})"), 2);
  EXPECT_EQ(read<std::uint64_t>(R"({"x": 18446744073709551615})"), ~std::uint64_t{0});
  EXPECT_EQ(read<int>(R"({"x": -2147483648})"), std::numeric_limits<int>::min());
  EXPECT_EQ(read<std::vector<int>>(R"({"x": [1, -2]})"), (std::vector<int>{1, -2}));
}

TEST(JsonField, IsRefusedWhereTheLibraryWouldConvertIt) {
  for (const char* text :
       {R"({"x": 1.0})", R"({"x": -1})", R"({"x": 18446744073709551616})", R"({"x": true})",
        R"({"x": "1"})", R"({"x": null})", R"({"x": [1]})", R"({"y": 1})", "[1]", "1"}) {
    EXPECT_FALSE(read<std::uint64_t>(text)) << text;
  }
  for (const char* text : {R"({"x": 2147483648})", R"({"x": -2147483649})",
                           R"({"x": 9223372036854775808})", R"({"x": 1e3})"}) {
    EXPECT_FALSE(read<int>(text)) << text;
  }
  EXPECT_FALSE(read<bool>(R"({"x": 1})"));
  EXPECT_FALSE(read<double>(R"({"x": "1"})"));
  EXPECT_FALSE(read<std::string>(R"({"x": 1})"));
  EXPECT_FALSE(read<std::vector<int>>(R"({"x": [1, 0.5]})"));
  EXPECT_FALSE(read<std::vector<int>>(R"({"x": {"0": 1}})"));
}

}  // namespace
}  // namespace detox
