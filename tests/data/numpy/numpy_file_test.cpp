#include "data/numpy/numpy_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>

#include "detox/errors.hpp"

namespace detox {
namespace {

/// A .npy file of the given header text and so many zero bytes of values.
std::string file_of(const std::string& dictionary, std::size_t value_bytes, int version = 1) {
  std::string header = dictionary;
  const std::size_t start = version == 1 ? 10 : 12;
  header.append(63 - (start + header.size()) % 64, ' ');
  header += '\n';
  std::string file = "\x93NUMPY";
  file += static_cast<char>(version);
  file += '\0';
  for (std::size_t i = 0; i < start - 8; ++i) {
    file += static_cast<char>(header.size() >> (8 * i) & 0xff);
  }
  return file + header + std::string(value_bytes, '\0');
}

NumpyHeader parse(const std::string& file) {
  return parse_numpy(std::as_bytes(std::span(file.data(), file.size())), "g.npy");
}

std::string message_of(const std::string& file) {
  try {
    parse(file);
  } catch (const InputError& error) {
    return error.what();
  }
  return "was not refused";
}

TEST(NumpyHeader, IsReadInAllThreeVersions) {
  for (const int version : {1, 2, 3}) {
    const NumpyHeader header =
        parse(file_of("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }", 48, version));
    EXPECT_EQ(header.type, NumpyType::kFloat64);
    EXPECT_EQ(header.n, 3U);
    EXPECT_EQ(header.d, 2U);
    EXPECT_EQ(header.data_offset % 64, 0U);
  }
}

TEST(NumpyHeader, MayHaveItsKeysInAnyOrder) {
  const NumpyHeader header =
      parse(file_of("{\"shape\":(1,2),\"fortran_order\":False,\"descr\":\"<f4\"}", 8));
  EXPECT_EQ(header.n, 1U);
  EXPECT_EQ(header.d, 2U);
}

TEST(NumpyHeader, MayBeOfPython2) {
  EXPECT_EQ(
      parse(file_of("{u'descr': u'<f4', u'fortran_order': False, u'shape': (15, 40), }", 2400)).n,
      15U);
  EXPECT_EQ(
      message_of(file_of("{u 'descr': '<f4', 'fortran_order': False, 'shape': (15, 40), }", 2400)),
      "g.npy: damaged NumPy header");
  const NumpyHeader header =
      parse(file_of("{'descr': '<f4', 'fortran_order': False, 'shape': (15L, 40L), }", 2400));
  EXPECT_EQ(header.n, 15U);
  EXPECT_EQ(header.d, 40U);
}

TEST(NumpyHeader, SaysWhatIsWrong) {
  const auto matrix = [](const std::string& descr, const std::string& order,
                         const std::string& shape, std::size_t bytes) {
    return message_of(file_of(
        "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }",
        bytes));
  };
  EXPECT_EQ(message_of("GIF89a"), "g.npy: not a NumPy file (.npy)");
  EXPECT_EQ(message_of("\x93NUMPY\x01"), "g.npy: truncated NumPy header");
  EXPECT_EQ(message_of(std::string("\x93NUMPY\x01\x00\xff\xff{}", 12)),
            "g.npy: truncated NumPy header");
  EXPECT_EQ(message_of(std::string("\x93NUMPY\x09\x00\x00\x00{}", 12)),
            "g.npy: NumPy format version 9.0; valid: 1.0, 2.0, 3.0");
  for (const char* type : {"<i4", "|V2", "<f16", "f", ">"}) {
    EXPECT_EQ(matrix(type, "False", "(1, 2)", 8),
              "g.npy: values of type '" + std::string(type) +
                  "'; valid: float16, float32, float64 (save it with .astype('float32'))");
  }
  EXPECT_EQ(message_of("PK\x03\x04"),
            "g.npy: not a NumPy file (.npy) but an archive (.npz, .pt); save one array with "
            "numpy.save");
  EXPECT_EQ(matrix("<f4", "False", "(2,)", 8),
            "g.npy: an array of 1 dimensions; valid: 2, (n, d) (save it with numpy.stack, a row a "
            "vector)");
  EXPECT_EQ(matrix("<f4", "False", "(2, 3, 4)", 96),
            "g.npy: an array of 3 dimensions; valid: 2, (n, d) (save it with .reshape(len(array), "
            "-1))");
  EXPECT_EQ(matrix("<f4", "False", "(0, 2)", 0),
            "g.npy: an empty array of shape (0, 2); valid: n >= 1, d >= 1");
  EXPECT_EQ(matrix("<f4", "False", "(2, 2)", 12),
            "g.npy: truncated: shape (2, 2) needs 16 bytes of values, the file has 12");
  EXPECT_EQ(matrix("<f4", "False", "(2, 2)", 17),
            "g.npy: trailing bytes: shape (2, 2) needs 16 bytes of values, the file has 17");
  EXPECT_EQ(matrix("<f4", "False", "(4294967296, 4294967296)", 0),
            "g.npy: shape (4294967296, 4294967296) is more than memory can hold");
  EXPECT_EQ(matrix("<f4", "False", "(99999999999999999999999, 1)", 0),
            "g.npy: the shape is too large");
  for (const char* text :
       {"", "{", "{'descr'}", "{'descr': '<f4'}", "{'x': 1}", "{'shape': (1, 2}",
        "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1, 2), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, -2), }",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), } x"}) {
    EXPECT_EQ(message_of(file_of(text, 8)), "g.npy: damaged NumPy header") << text;
  }
}

class NumpyFiles : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "numpy-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(folder_), {}));
  }
  std::filesystem::path folder_;
};

TEST_F(NumpyFiles, AreMappedAsRows) {
  std::string bytes = file_of("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 24);
  const float values[6] = {1, 2, 3, 4, 5, 6};
  std::memcpy(bytes.data() + bytes.size() - 24, values, 24);
  std::ofstream(folder_ / "g.npy", std::ios::binary) << bytes;
  NumpyFile file(folder_ / "g.npy");
  const Rows<float> rows = file.float_rows();
  ASSERT_EQ(rows.n(), 2U);
  ASSERT_EQ(rows.d, 3U);
  EXPECT_EQ(rows.row[0][2], 3);
  EXPECT_EQ(rows.row[1][0], 4);
}

/// What NumPy wrote in another form has the rows that NumPy reads, bit by bit.
TEST_F(NumpyFiles, OfAnyByteOrderLayoutAndPrecisionHaveTheRowsThatNumpyReads) {
  const std::string script = R"(
import sys, numpy
folder = sys.argv[1]
for name in ('float16', 'float32', 'float64'):
    wide = 'float64' if name == 'float64' else 'float32'
    if name == 'float16':
        rows = numpy.arange(65536, dtype='u2').view('f2').reshape(64, 1024)
        rows = rows[numpy.isfinite(rows).all(axis=1)]
        rows[0, :2] = [numpy.inf, -numpy.inf]
    else:
        rows = numpy.random.default_rng(1).normal(size=(7, 33)).astype(name)
        rows[0, :4] = [-0.0, numpy.inf, -numpy.inf, numpy.finfo(name).tiny / 2]
    for order in '<>':
        for layout in 'CF':
            path = f'{folder}/{name}{ord(order)}{layout}.npy'
            numpy.save(path, numpy.asarray(rows.astype(numpy.dtype(name).newbyteorder(order)), order=layout))
            assert numpy.load(path).dtype.str.startswith(order)
            numpy.ascontiguousarray(numpy.load(path).astype('<' + wide[0] + ('8' if wide == 'float64' else '4'))).tofile(path + '.rows')
)";
  std::ofstream(folder_ / "write.py") << script;
  const std::string command =
      "/usr/bin/python3 '" + (folder_ / "write.py").string() + "' '" + folder_.string() + "'";
  ASSERT_EQ(std::system(command.c_str()), 0);
  std::size_t compared = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    if (entry.path().extension() != ".npy") continue;
    NumpyFile file(entry.path());
    std::ifstream stream(entry.path().string() + ".rows", std::ios::binary);
    const std::string expected{std::istreambuf_iterator<char>(stream), {}};
    std::string found;
    const auto add = [&found](const auto& rows) {
      for (const auto* row : rows.row) {
        found.append(reinterpret_cast<const char*>(row), rows.d * sizeof(*row));
      }
    };
    if (file.is_double()) {
      add(file.double_rows());
    } else {
      add(file.float_rows());
    }
    EXPECT_TRUE(found == expected) << entry.path();
    ++compared;
  }
  EXPECT_EQ(compared, 12U);
}

TEST_F(NumpyFiles, MayHaveValuesAnywhere) {
  // As programs write it that know nothing of alignment.
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }\n";
  const float values[2] = {1, 2};
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size());
  bytes += '\0';
  bytes += header;
  ASSERT_NE(bytes.size() % 4, 0U);
  bytes.append(reinterpret_cast<const char*>(values), sizeof(values));
  std::ofstream(folder_ / "g.npy", std::ios::binary) << bytes;
  NumpyFile file(folder_ / "g.npy");
  EXPECT_EQ(file.float_rows().row[0][1], 2);
}

TEST_F(NumpyFiles, ThatCannotBeOpenedAreNamed) {
  for (const auto& path : {folder_ / "none.npy", folder_}) {
    try {
      const NumpyFile file(path);
      FAIL() << "was not refused";
    } catch (const InputError& error) {
      EXPECT_TRUE(std::string(error.what()).starts_with(path.string() + ": ")) << error.what();
    }
  }
  const std::ofstream empty(folder_ / "empty.npy");
  EXPECT_THROW(const NumpyFile file(folder_ / "empty.npy"), InputError);
  ASSERT_EQ(mkfifo((folder_ / "pipe.npy").c_str(), 0600), 0);  // opening it would wait for a writer
  EXPECT_THROW(const NumpyFile file(folder_ / "pipe.npy"), InputError);
}

TEST_F(NumpyFiles, AreReadByNumPyAsTheyWereWritten) {
  const std::vector<float> floats = {1.5F, -0.0F, 3e38F};
  const std::vector<double> doubles(100000, 1e300);
  write_numpy(folder_ / "f.npy", floats);
  write_numpy(folder_ / "d.npy", doubles);
  EXPECT_EQ(files(), 2U);
  const std::string script =
      "import numpy, sys; f = numpy.load(sys.argv[1] + '/f.npy'); d = numpy.load(sys.argv[1] + "
      "'/d.npy'); sys.exit(not (f.dtype == 'float32' and f.tobytes() == "
      "numpy.array([1.5, -0.0, 3e38], 'float32').tobytes() and d.shape == (100000,) and "
      "(d == 1e300).all()))";
  const std::string command = "/usr/bin/python3 -c \"" + script + "\" '" + folder_.string() + "'";
  EXPECT_EQ(std::system(command.c_str()), 0);
}

TEST_F(NumpyFiles, ThatCannotBeWrittenLeaveNothing) {
  EXPECT_THROW(write_text_atomically(folder_ / "none" / "x.json", "x"), InputError);
  std::filesystem::create_directory(folder_ / "taken");
  const std::ofstream inside(folder_ / "taken" / "x");
  EXPECT_THROW(write_text_atomically(folder_ / "taken", "x"), InputError);
  EXPECT_EQ(files(), 1U);
}

}  // namespace
}  // namespace detox
