#include "record/safetensors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/file.hpp"
#include "data/temporary_folder.hpp"
#include "detox/errors.hpp"

namespace detox {
namespace {

using testing::HasSubstr;

/// A file with this header, whatever it says, and these values.
std::string file_of(const std::string& json, const std::string& values) {
  const std::uint64_t length = json.size();
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes + json + values;
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

std::string error_of(const std::string& bytes) {
  return message_of<InputError>([&] { parse_safetensors("F", bytes_of(bytes)); });
}

std::string error_of(const std::string& json, const std::string& values) {
  return error_of(file_of(json, values));
}

std::string bytes_of_image(const Safetensors& content) {
  std::string bytes;
  const SafetensorsImage image(content);
  for (const auto piece : image.pieces) bytes += text_of(piece);
  return bytes;
}

TEST(Safetensors, WritesSortedKeysAlignedValuesAndAPaddedHeader) {
  Safetensors content;
  content.tensors["b"] = {"U8", {3}, bytes_of("xyz")};
  content.tensors["a"] = {"F32", {}, bytes_of("1234")};
  content.tensors["c"] = {"I64", {1}, bytes_of("12345678")};
  content.metadata = {{"k", "v\n"}};
  const std::string json =
      R"({"__metadata__":{"k":"v\n"},"a":{"data_offsets":[8,12],"dtype":"F32","shape":[]},)"
      R"("b":{"data_offsets":[12,15],"dtype":"U8","shape":[3]},)"
      R"("c":{"data_offsets":[0,8],"dtype":"I64","shape":[1]}})";
  const std::string padding((8 - json.size() % 8) % 8, ' ');
  EXPECT_EQ(bytes_of_image(content), file_of(json + padding, "123456781234xyz"));
}

TEST(Safetensors, ReadsWhatItWrote) {
  Safetensors content;
  content.tensors["weight"] = {"F32", {1, 2}, bytes_of("12345678")};
  content.tensors["empty"] = {"F64", {0, 5}, bytes_of("")};
  content.tensors["half"] = {"BF16", {1}, bytes_of("ab")};
  content.metadata = {{"\xc3\xa9", "\"quoted\""}};
  const std::string bytes = bytes_of_image(content);
  const Safetensors read = parse_safetensors("F", bytes_of(bytes));
  EXPECT_EQ(read.metadata, content.metadata);
  ASSERT_EQ(read.tensors.size(), 3U);
  for (const auto& [name, tensor] : content.tensors) {
    const TensorView& found = read.tensors.at(name);
    EXPECT_EQ(found.dtype, tensor.dtype);
    EXPECT_EQ(found.shape, tensor.shape);
    EXPECT_EQ(text_of(found.bytes), text_of(tensor.bytes));
  }
}

TEST(Safetensors, MayBeEmpty) {
  EXPECT_EQ(bytes_of_image({}), file_of("{}      ", ""));
  EXPECT_TRUE(parse_safetensors("F", bytes_of(file_of("{}", ""))).tensors.empty());
}

TEST(Safetensors, RefusesATruncationAtEveryPosition) {
  Safetensors content;
  content.tensors["a"] = {"F32", {2}, bytes_of("12345678")};
  const std::string whole = bytes_of_image(content);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_THAT(error_of(whole.substr(0, length)), HasSubstr("truncated")) << length;
  }
}

TEST(Safetensors, RefusesAHeaderLengthThatCannotBe) {
  for (const std::uint64_t length : {std::uint64_t{100'000'001}, ~std::uint64_t{0}}) {
    std::string bytes(64, ' ');
    std::memcpy(bytes.data(), &length, sizeof length);
    EXPECT_THAT(error_of(bytes), HasSubstr("its header does not fit in it"));
  }
}

TEST(Safetensors, RefusesHolesOverlapsAndTrailingBytes) {
  const std::string first = R"({"a":)" + entry("U8", "[4]", "[0,4]");
  EXPECT_THAT(error_of(first + R"(,"b":)" + entry("U8", "[2]", "[5,7]") + "}", "1234567"),
              HasSubstr("hole or an overlap before tensor 'b'"));
  EXPECT_THAT(error_of(first + R"(,"b":)" + entry("U8", "[4]", "[3,7]") + "}", "1234567"),
              HasSubstr("hole or an overlap"));
  EXPECT_THAT(error_of(first + R"(,"b":)" + entry("U8", "[4]", "[0,4]") + "}", "1234"),
              HasSubstr("hole or an overlap"));
  EXPECT_THAT(error_of(first + "}", "12345"), HasSubstr("other bytes follow"));
  EXPECT_THAT(error_of("{}", "1"), HasSubstr("other bytes follow"));
}

TEST(Safetensors, RefusesShapesThatDoNotFit) {
  const auto error = [](const std::string& dtype, const std::string& shape) {
    return error_of(R"({"a":)" + entry(dtype, shape, "[0,8]") + "}", "12345678");
  };
  EXPECT_EQ(error("F32", "[2]"), "");
  EXPECT_THAT(error("F32", "[3]"), HasSubstr("does not fit its bytes"));
  EXPECT_THAT(error("F32", "[0]"), HasSubstr("does not fit its bytes"));
  EXPECT_THAT(error("F32", "[]"), HasSubstr("does not fit its bytes"));
  // 2^32 * 2^32 * 8 is 0 modulo 2^64, and 4 * (2^62 + 2) is 8.
  EXPECT_THAT(error("F64", "[1,4294967296,4294967296]"), HasSubstr("does not fit its bytes"));
  EXPECT_THAT(error("F32", "[4611686018427387906]"), HasSubstr("does not fit its bytes"));
  EXPECT_THAT(error("F31", "[2]"), HasSubstr("the type of tensor 'a' is unknown"));
}

TEST(Safetensors, RefusesOffsetsThatCannotBe) {
  for (const char* offsets : {"[4,0]", "[0,9]", "[18446744073709551615,8]"}) {
    EXPECT_THAT(error_of(R"({"a":)" + entry("U8", "[8]", offsets) + "}", "12345678"),
                HasSubstr("does not lie within the file"));
  }
  for (const char* offsets : {"[]", "[0]", "[0,4,8]", "[-1,7]", "[0,8.0]", "[0,1e1]", "8", "null",
                              "[0,18446744073709551616]", "[[0,8]]", "{}", "\"08\"", "[true,8]"}) {
    EXPECT_NE(error_of(R"({"a":)" + entry("U8", "[8]", offsets) + "}", "12345678"), "") << offsets;
  }
}

TEST(Safetensors, RefusesEveryKeyThatComesTwice) {
  const std::string tensor = entry("U8", "[0]", "[0,0]");
  EXPECT_THAT(error_of(R"({"a":)" + tensor + R"(,"a":)" + tensor + "}", ""),
              HasSubstr("comes twice"));
  EXPECT_THAT(error_of(R"({"__metadata__":{},"__metadata__":{}})", ""), HasSubstr("comes twice"));
  EXPECT_THAT(error_of(R"({"__metadata__":{"k":"1","k":"2"}})", ""), HasSubstr("a key twice"));
  EXPECT_THAT(error_of(R"({"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}})", ""),
              HasSubstr("a field twice"));
}

TEST(Safetensors, RefusesHeadersOfAnotherForm) {
  for (const char* json : {"",
                           " {}",
                           "[]",
                           "null",
                           "{",
                           "{}}",
                           "{} {}",
                           "\xef\xbb\xbf{}",
                           R"({"a":1})",
                           R"({"a":[]})",
                           R"({"a":{}})",
                           R"({"__metadata__":[]})",
                           R"({"__metadata__":{"k":1}})",
                           R"({"__metadata__":{"k":{}}})",
                           R"({"a":{"dtype":"U8","shape":[0]}})",
                           R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"more":0}})",
                           "{\"\xff\":{}}",
                           R"({"a":{"dtype":["U8"],"shape":[0],"data_offsets":[0,0]}})",
                           R"({'a':{}})",
                           "{/**/}"}) {
    EXPECT_NE(error_of(json, ""), "") << json;
  }
}

TEST(Safetensors, SurvivesAnyDepth) {
  const std::string deep(1'000'000, '[');
  EXPECT_NE(error_of(R"({"a":)" + deep, ""), "");
  EXPECT_NE(error_of(R"({"a":{"dtype":"U8","data_offsets":[0,0],"shape":)" + deep, ""), "");
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += R"({"a":)";
  EXPECT_NE(error_of(objects, ""), "");
}

TEST(Safetensors, ShowsNamesFromFilesInOneLine) {
  const std::string message = error_of(R"({"a\nb":)" + entry("U8", "[1]", "[0,0]") + "}", "");
  EXPECT_THAT(message, HasSubstr("'a?b'"));
  const std::string longer = error_of(std::string("{\"").append(100'000, 'n').append("\":1}"), "");
  EXPECT_LT(longer.size(), 300U);
}

TEST(Safetensors, RefusesToWriteAHeaderThatNobodyReads) {
  Safetensors content;
  content.metadata["x"].resize(100'000'000, 'x');
  EXPECT_NE(message_of<InputError>([&] { const SafetensorsImage image(content); }), "");
}

}  // namespace
}  // namespace detox
