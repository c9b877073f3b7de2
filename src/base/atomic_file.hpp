// Files that are either as before or complete, whatever happens in between.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string_view>

namespace detox {

/// Writes the pieces one after the other under a temporary name (".<name>.<process>.tmp") in the
/// same folder, makes them durable (fsync of file and folder) and gives them their name. InputError
/// says what could not be written, where and why (a full disk, a file size limit); the temporary
/// file is then removed and a previous file is untouched. A name that belongs to something other
/// than a regular file is refused. The process must ignore SIGXFSZ, or a file size limit ends it
/// before it can report anything. Threads of one process may write different files at the same
/// time.
void write_atomically(const std::filesystem::path& file,
                      std::span<const std::span<const std::byte>> pieces);
void write_atomically(const std::filesystem::path& file, std::string_view text);

/// The same of what make(sink) hands on, piece by piece: where it throws, nothing is written.
using FileSink = std::function<void(std::string_view piece)>;
void write_atomically(const std::filesystem::path& file,
                      const std::function<void(const FileSink& sink)>& make);

/// Removes the temporary files that killed processes left of files whose names `is_ours` accepts.
/// Whatever else is in the folder belongs to somebody else. Nobody may be writing such files there.
void remove_temporaries(const std::filesystem::path& folder,
                        const std::function<bool(std::string_view name)>& is_ours);

}  // namespace detox
