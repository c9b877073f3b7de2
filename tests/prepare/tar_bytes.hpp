// Archives made for the tests, good and hostile.
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace detox {

struct TarEntry {
  std::string name, content;
  unsigned type = AE_IFREG;
  std::string link = {};  ///< where a link leads
  bool is_hard_link = false;
};

inline std::string tar_gz(const std::vector<TarEntry>& entries, bool gzipped = true) {
  std::string bytes;
  bytes.resize(10'000'000);
  std::size_t used = 0;
  archive* writer = archive_write_new();
  if (gzipped) archive_write_add_filter_gzip(writer);
  archive_write_set_format_pax_restricted(writer);
  archive_write_set_bytes_in_last_block(writer, 1);
  EXPECT_EQ(archive_write_open_memory(writer, bytes.data(), bytes.size(), &used), ARCHIVE_OK);
  for (const TarEntry& given : entries) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, given.name.c_str());
    archive_entry_set_filetype(entry, given.type);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, static_cast<la_int64_t>(given.content.size()));
    if (given.is_hard_link) archive_entry_set_hardlink(entry, given.link.c_str());
    if (given.type == AE_IFLNK) archive_entry_set_symlink(entry, given.link.c_str());
    EXPECT_EQ(archive_write_header(writer, entry), ARCHIVE_OK) << archive_error_string(writer);
    if (!given.content.empty()) {
      archive_write_data(writer, given.content.data(), given.content.size());
    }
    archive_entry_free(entry);
  }
  EXPECT_EQ(archive_write_close(writer), ARCHIVE_OK);
  archive_write_free(writer);
  bytes.resize(used);
  return bytes;
}

}  // namespace detox
