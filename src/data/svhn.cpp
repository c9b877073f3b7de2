#include "data/svhn.hpp"

#include "base/log.hpp"
#include "data/locate.hpp"
#include "data/readers.hpp"

namespace detox {

namespace fs = std::filesystem;

LabelledImages read_svhn(const DatasetInfo& info, const fs::path& data_dir, Split split) {
  const bool is_train = split == Split::kTrain;
  const FoundFiles found = locate_files(
      info, data_dir,
      {.names = {is_train ? "train_32x32.mat" : "test_32x32.mat"}, .is_never_gzipped = true});
  LabelledImages images = read_svhn_file(found.files[0]);
  images.is_synthetic = found.is_synthetic;
  const std::size_t published = is_train ? 73'257 : 26'032;
  if (!images.is_synthetic && images.labels.size() != published) {
    log_warning("{} holds {} samples; {} as published has {}", found.files[0].string(),
                images.labels.size(), info.name, published);
  }
  return images;
}

}  // namespace detox
