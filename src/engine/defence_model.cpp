#include "engine/defence_model.hpp"

#include "detox/errors.hpp"

namespace detox {
namespace {

/// The rows as the server decodes them. Views the scratch memory.
Rows<float> arriving(const Rows<float>& rows, std::uint64_t step, const AnswerFormat& format,
                     ThreadPool& pool, Workspace::Scope& scratch) {
  const std::size_t n = rows.n(), d = rows.d, bytes = format.layout().gradient_bytes;
  const auto decoded = scratch.take<float>(n * d);
  const auto pointers = scratch.take<const float*>(n);
  Workspace::Scope within(scratch.workspace());
  const auto encoded = within.take<std::byte>(n * bytes);
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
    Workspace::Scope scratch(workspace);
    try {
      hierarchy_.aggregate(
          format.rows_need_decoding() ? arriving(rows, step, format, pool, scratch) : rows,
          bucket_key_, out, context);
    } catch (const UsageError&) {
      return false;  // a rule that cannot take these rows
    }
    return true;
  };
  return {format.d(), aggregate};
}

}  // namespace detox
