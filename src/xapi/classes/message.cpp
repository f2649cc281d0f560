// SPDX-License-Identifier: GPL-2.0-or-later
// Alerts for people. They are stored objects like all others; an alert may be about an object that
// is gone, so obj_uuid is text and not a reference.
#include <cstdlib>

#include "datamodel/codec.hpp"
#include "xapi/accessors.hpp"
#include "xapi/handlers/message.gen.hpp"

namespace xcp::xapi {

using model::message;

namespace {

// The class that a value of `cls` speaks of.
const char* class_name(model::Cls cls) {
  switch (cls) {
    case model::Cls::VM:
      return "VM";
    case model::Cls::Host:
      return "host";
    case model::Cls::SR:
      return "SR";
    case model::Cls::Pool:
      return "pool";
    case model::Cls::VMPP:
      return "VMPP";
    case model::Cls::VMSS:
      return "VMSS";
    case model::Cls::PVSProxy:
      return "PVS_proxy";
    case model::Cls::VDI:
      return "VDI";
    case model::Cls::Certificate:
      return "Certificate";
  }
  return "";
}

template <class Wanted>
std::map<Ref<message>, model::RecordValue> records_if(Context& context, const Wanted& wanted) {
  std::map<Ref<message>, model::RecordValue> records;
  for (const auto& object : context.view().all<message>())
    if (wanted(object))
      records.emplace(object.ref(), model::RecordValue{message::index, object.row()->fields});
  return records;
}

}  // namespace

Ref<message> message_create(Context& context, std::string name, std::int64_t priority,
                            model::Cls cls, std::string obj_uuid, std::string body) {
  const model::ClassDesc* desc = model::find_class(class_name(cls));
  if (desc != nullptr && desc->in_database &&
      context.view().find_uuid(model::class_index(*desc), obj_uuid) == nullptr)
    throw Failure("UUID_INVALID", {std::string(model::to_string(cls)), obj_uuid});
  Ref<message> ref;
  context.commit([&](db::Transaction& change) {
    auto record = empty_record<message>();
    record.set(message::name_, name);
    record.set(message::priority, priority);
    record.set(message::cls, cls);
    record.set(message::obj_uuid, obj_uuid);
    record.set(message::timestamp, model::now());
    record.set(message::body, body);
    ref = change.create<message>(std::move(record));
  });
  return ref;
}

void message_destroy(Context& context, Ref<message> self) {
  context.commit([&](db::Transaction& change) { change.destroy(self); });
}

void message_destroy_many(Context& context, std::vector<Ref<message>> messages) {
  context.commit([&](db::Transaction& change) {
    for (const Ref<message>& self : messages) change.destroy(self);
  });
}

void message_destroy_all(Context& context, std::map<std::string, std::string> filters) {
  std::optional<model::DateTime> before;
  std::optional<model::DateTime> after;
  std::optional<std::int64_t> priority;
  for (const auto& [key, text] : filters) {
    const auto time = model::parse_datetime(text);
    if (key == "priority") {
      priority = std::strtoll(text.c_str(), nullptr, 10);
      continue;
    }
    if ((key != "before" && key != "after") || !time) throw Failure("INVALID_VALUE", {key, text});
    (key == "before" ? before : after) = *time;
  }
  context.commit([&](db::Transaction& change) {
    for (const auto& object : change.view().all<message>()) {
      const model::DateTime time = object[message::timestamp];
      if ((before && time >= *before) || (after && time <= *after)) continue;
      if (priority && object[message::priority] != *priority) continue;
      change.destroy(object.ref());
    }
  });
}

std::map<Ref<message>, model::RecordValue> message_get(Context& context, model::Cls cls,
                                                       std::string obj_uuid,
                                                       model::DateTime since) {
  return records_if(context, [&](const db::Object<message>& object) {
    return object[message::cls] == cls && object[message::obj_uuid] == obj_uuid &&
           object[message::timestamp] > since;
  });
}

std::vector<Ref<message>> message_get_all(Context& context) {
  std::vector<Ref<message>> refs;
  for (const auto& object : context.view().all<message>()) refs.push_back(object.ref());
  return refs;
}

std::map<Ref<message>, model::RecordValue> message_get_since(Context& context,
                                                             model::DateTime since) {
  return records_if(context, [&](const db::Object<message>& object) {
    return object[message::timestamp] > since;
  });
}

model::RecordValue message_get_record(Context& context, Ref<message> self) {
  return {message::index, context.view().get(self).row()->fields};
}

Ref<message> message_get_by_uuid(Context& context, std::string uuid) {
  const auto object = context.view().find_uuid<message>(uuid);
  if (!object) db::throw_uuid_invalid(message::index, uuid);
  return object->ref();
}

std::map<Ref<message>, model::RecordValue> message_get_all_records(Context& context) {
  return records_if(context, [](const db::Object<message>&) { return true; });
}

std::map<Ref<message>, model::RecordValue> message_get_all_records_where(Context& context,
                                                                         std::string expr) {
  const Where where(model::classes()[message::index], expr);
  return records_if(
      context, [&](const db::Object<message>& object) { return where.matches(*object.row()); });
}

}  // namespace xcp::xapi
