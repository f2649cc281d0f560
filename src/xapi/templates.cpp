// SPDX-License-Identifier: GPL-2.0-or-later
// Guest templates: one JSON file each, with the names and values of VM fields. A default template
// is found again by other_config:template-id (its file's name) and renewed when its file changed.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <filesystem>

#include "base/fd.hpp"
#include "datamodel/codec.hpp"
#include "xapi/host.hpp"

namespace xcp::xapi {

using model::VM;

namespace {

constexpr const char* id_key = "template-id";

model::RecordValue read_template(const std::string& id, const std::string& text) {
  const boost::json::value parsed = boost::json::parse(text);
  model::RecordValue record = empty_record<VM>();
  const model::ClassDesc& desc = model::classes()[VM::index];
  for (const auto& [name, value] : parsed.as_object())
    if (const auto index = model::field_index(desc, name))
      record.fields[*index] = model::read_json(value, *desc.fields[*index].type);
  auto other = record.get(VM::other_config);
  other[id_key] = id;
  other["default_template"] = "true";
  record.set(VM::other_config, other);
  record.set(VM::is_a_template, true);
  record.set(VM::is_default_template, true);
  record.set(VM::power_state, model::VmPowerState::Halted);
  record.set(VM::domid, -1);
  return record;
}

void store_template(db::Store& store, const std::string& id, model::RecordValue record) {
  store.commit([&](db::Transaction& change) {
    const auto known = change.view().find_if<VM>([&](const db::Object<VM>& vm) {
      if (!vm[VM::is_default_template]) return false;
      const auto other = vm[VM::other_config];
      const auto found = other.find(id_key);
      return found != other.end() && found->second == id;
    });
    if (!known) {
      change.create<VM>(std::move(record));
      return;
    }
    const model::ClassDesc& desc = model::classes()[VM::index];
    for (std::uint16_t i = 0; i < record.fields.size(); ++i)
      if (!record.fields[i].is_void() && !desc.fields[i].derived)
        change.set(VM::index, known->ref().str(), i, record.fields[i]);
  });
}

}  // namespace

void load_templates(db::Store& store, const std::string& directory) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.path().extension() != ".json") continue;
    const std::string id = entry.path().stem();
    try {
      const auto text = read_file(entry.path());
      if (text) store_template(store, id, read_template(id, *text));
    } catch (const std::exception& failure) {
      // One bad file must not take the others along.
      spdlog::error("template {} is left out: {}", entry.path().string(), failure.what());
    }
  }
  if (error) spdlog::warn("no templates in {}: {}", directory, error.message());
}

}  // namespace xcp::xapi
