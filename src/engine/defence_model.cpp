#include "engine/defence_model.hpp"

#include "detox/errors.hpp"

namespace detox {
namespace {

// Workspace slots above those of the rules and of the hierarchy.
constexpr std::size_t kModelledSlot = 64, kEncodedSlot = 65, kArrivingSlot = 66;

/// The rows as the server decodes them.
Rows<float> arriving(const Rows<float>& rows, std::uint64_t step, const AnswerFormat& format,
                     ThreadPool& pool, Workspace& workspace) {
  const std::size_t n = rows.n(), d = rows.d, bytes = format.layout().gradient_bytes;
  const auto decoded = workspace.take<float>(kModelledSlot, n * d);
  const auto encoded = workspace.take<std::byte>(kEncodedSlot, n * bytes);
  const auto pointers = workspace.take<const float*>(kArrivingSlot, n);
  pool.parallel_for(n, [&](std::size_t i, std::size_t) {
    const auto answer = encoded.subspan(i * bytes, bytes);
    format.encode_gradient({rows.row[i], d}, step, answer);
    format.decode_gradient(answer, decoded.subspan(i * d, d));
    pointers[i] = decoded.data() + i * d;
  });
  return {pointers, d};
}

}  // namespace

KnownDefence DefenceModel::at(std::uint64_t step, const AnswerFormat& format, ThreadPool& pool,
                              Workspace& workspace) const {
  const auto aggregate = [=, this, &format, &pool, &workspace](const Rows<float>& rows,
                                                               std::span<float> out) {
    if (!hierarchy_.unmet_requirement(rows.n()).empty()) return false;
    AggregationContext context{pool, workspace, step};
    try {
      hierarchy_.aggregate(
          format.rows_need_decoding() ? arriving(rows, step, format, pool, workspace) : rows,
          bucket_key_, out, context);
    } catch (const UsageError&) {
      return false;  // a rule that cannot take these rows
    }
    return true;
  };
  return {format.d(), aggregate};
}

}  // namespace detox
