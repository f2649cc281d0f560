// SPDX-License-Identifier: GPL-2.0-or-later
// The generic handlers: getters, setters, records and lookups of every class, told apart by the
// MessageDesc alone.
#pragma once

#include <span>

#include "xapi/call.hpp"
#include "xapi/context.hpp"

namespace xcp::xapi {

Result run_accessor(Context& context, const model::MessageDesc& message,
                    std::span<const model::Value> arguments);

// What a client may say about a new object: fields that only the system sets are void, others that
// were left out have their defaults. FIELD_TYPE_ERROR [field] when one without a default is
// missing.
model::RecordValue client_record(const model::RecordValue& given);

// The expression of get_all_records_where: true, false, field "column", "text", =, and, or, not and
// parentheses. Columns join namespaces with two underscores; single ones are accepted as well.
// Throws INVALID_VALUE [expression, reason].
class Where {
 public:
  Where(const model::ClassDesc& desc, const std::string& expression);
  bool matches(const db::Row& row) const { return matches_(row); }

 private:
  std::function<bool(const db::Row&)> matches_;
};

}  // namespace xcp::xapi
