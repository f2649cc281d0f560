// SPDX-License-Identifier: GPL-2.0-or-later
// The objects of the host as one command sees them: calls of the API with the records it has read
// kept, so that a list of a thousand VMs asks for each network once. Lives for one command, on one
// thread; forget() after every change.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ref.hpp"
#include "datamodel/model.gen.hpp"
#include "datamodel/value.hpp"
#include "xapi/cli/api.hpp"

namespace xcp::cli {

struct Object {
  std::uint16_t class_index = 0;
  std::string ref;
  model::Value record;

  const model::ClassDesc& desc() const { return model::classes()[class_index]; }
  const model::Value& field(std::uint16_t index) const {
    return record.as_record().fields.at(index);
  }
  // A field by its typed key; the object must be of its class.
  template <class C, class T>
  T get(model::Field<C, T> key) const {
    return record.as_record().get(key);
  }
  // Empty for classes without.
  std::string uuid() const;
  std::string name() const;
};

class World {
 public:
  explicit World(Api& api) : api_(api) {}

  Api& api() { return api_; }

  model::Value call(std::string_view method, std::vector<model::Value> arguments = {}) {
    return api_.call(method, std::move(arguments));
  }
  // A message whose first argument is an object.
  model::Value call_on(std::string_view method, const std::string& ref) {
    return api_.call(method, {model::Value(ref)});
  }

  // nullopt for the null reference and for objects that are gone.
  std::optional<Object> find(std::uint16_t class_index, const std::string& ref);
  template <class C>
  std::optional<Object> find(const Ref<C>& ref) {
    return find(C::index, ref.str());
  }
  // HANDLE_INVALID when it is gone.
  Object get(std::uint16_t class_index, const std::string& ref);
  template <class C>
  Object get(const Ref<C>& ref) {
    return get(C::index, ref.str());
  }

  // In the order the API gives them.
  std::vector<Object> all(std::uint16_t class_index);
  template <class C>
  std::vector<Object> all() {
    return all(C::index);
  }

  // UUID_INVALID when there is none.
  Object by_uuid(std::uint16_t class_index, const std::string& uuid);
  template <class C>
  Object by_uuid(const std::string& uuid) {
    return by_uuid(C::index, uuid);
  }
  // By uuid, by name_label, for hosts also by host name. CLI_ERROR when none or several fit.
  Object by_uuid_or_name(std::uint16_t class_index, const std::string& text);
  template <class C>
  Object by_uuid_or_name(const std::string& text) {
    return by_uuid_or_name(C::index, text);
  }

  Object pool();
  Object local_host();  // the host that was contacted
  Object only_host();   // CLI_ERROR in a pool of several hosts

  void forget() { caches_.clear(); }

 private:
  struct Cache {
    std::unordered_map<std::string, model::Value> records;
    unsigned misses = 0;
    bool complete = false;
  };
  void load_all(std::uint16_t class_index, Cache& cache);

  Api& api_;
  std::unordered_map<std::uint16_t, Cache> caches_;
};

// "VM.get_record" and the like.
std::string method_name(std::uint16_t class_index, std::string_view message);

}  // namespace xcp::cli
