// SPDX-License-Identifier: GPL-2.0-or-later
// Cached reading; see world.hpp.
#include "xapi/cli/world.hpp"

#include <fmt/format.h>

#include "xapi/cli/errors.hpp"

namespace xcp::cli {
namespace {

// After so many single records of a class all of them are read at once.
constexpr unsigned single_reads = 8;

bool is_gone(const Failure& failure) {
  return failure.code() == "HANDLE_INVALID";
}

std::string text_field(const Object& object, std::optional<std::uint16_t> field) {
  return field ? object.field(*field).as_string() : std::string();
}

}  // namespace

std::string Object::uuid() const {
  return text_field(*this, desc().uuid_field);
}
std::string Object::name() const {
  return text_field(*this, desc().name_label_field);
}

std::string method_name(std::uint16_t class_index, std::string_view message) {
  return fmt::format("{}.{}", model::classes()[class_index].name, message);
}

void World::load_all(std::uint16_t class_index, Cache& cache) {
  const model::Value records = api_.call(method_name(class_index, "get_all_records"), {});
  for (const auto& [ref, record] : records.as_map()) cache.records[ref.as_string()] = record;
  cache.complete = true;
}

std::optional<Object> World::find(std::uint16_t class_index, const std::string& ref) {
  if (ref.empty() || ref == null_ref_text) return std::nullopt;
  Cache& cache = caches_[class_index];
  auto found = cache.records.find(ref);
  if (found == cache.records.end() && !cache.complete && ++cache.misses > single_reads &&
      model::find_message(method_name(class_index, "get_all_records"))) {
    load_all(class_index, cache);
    found = cache.records.find(ref);
  }
  if (found == cache.records.end() && cache.complete) return std::nullopt;
  if (found == cache.records.end()) {
    try {
      const model::Value record = call_on(method_name(class_index, "get_record"), ref);
      found = cache.records.emplace(ref, record).first;
    } catch (const Failure& failure) {
      if (is_gone(failure)) return std::nullopt;
      throw;
    }
  }
  return Object{class_index, ref, found->second};
}

Object World::get(std::uint16_t class_index, const std::string& ref) {
  if (auto object = find(class_index, ref)) return *object;
  throw Failure("HANDLE_INVALID", {std::string(model::classes()[class_index].name), ref});
}

std::vector<Object> World::all(std::uint16_t class_index) {
  const model::Value records = api_.call(method_name(class_index, "get_all_records"), {});
  Cache& cache = caches_[class_index];
  std::vector<Object> objects;
  for (const auto& [ref, record] : records.as_map()) {
    cache.records[ref.as_string()] = record;
    objects.push_back({class_index, ref.as_string(), record});
  }
  cache.complete = true;
  return objects;
}

Object World::by_uuid(std::uint16_t class_index, const std::string& uuid) {
  const model::Value ref = call_on(method_name(class_index, "get_by_uuid"), uuid);
  return get(class_index, ref.as_string());
}

Object World::by_uuid_or_name(std::uint16_t class_index, const std::string& text) {
  std::vector<Object> found;
  for (Object& object : all(class_index)) {
    const bool host_name =
        class_index == model::host::index && object.get(model::host::hostname) == text;
    if (object.uuid() == text || object.name() == text || host_name) {
      found.push_back(std::move(object));
    }
  }
  if (found.size() == 1) return found.front();
  const std::string_view class_name = model::classes()[class_index].name;
  if (found.empty()) throw cli_error(fmt::format("There is no {} '{}'.", class_name, text));
  throw cli_error(fmt::format("There are {} objects of class {} named '{}'; give the uuid.",
                              found.size(), class_name, text));
}

Object World::pool() {
  const auto pools = all<model::pool>();
  if (pools.empty()) throw internal_error("there is no pool object");
  return pools.front();
}

Object World::local_host() {
  const model::Value host = call_on("session.get_this_host", api_.session());
  return get(model::host::index, host.as_string());
}

Object World::only_host() {
  const auto hosts = all<model::host>();
  if (hosts.size() == 1) return hosts.front();
  throw cli_error("The pool has several hosts; say which one with host-uuid=.");
}

}  // namespace xcp::cli
