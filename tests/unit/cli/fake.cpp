// SPDX-License-Identifier: GPL-2.0-or-later
// See fake.hpp.
#include "fake.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/failure.hpp"
#include "datamodel/codec.hpp"

namespace xcp::cli::testing {
namespace {

using model::Accessor;
using model::MapValue;
using model::RecordValue;
using model::SetValue;
using model::Value;

// The same uuid for the same name in every run: FNV-1a spread over the digits.
std::string uuid_of(const std::string& name) {
  std::uint64_t hash = 14695981039346656037ull;
  for (const unsigned char c : name) hash = (hash ^ c) * 1099511628211ull;
  return fmt::format("{:08x}-{:04x}-4000-8000-{:012x}", static_cast<std::uint32_t>(hash >> 32),
                     static_cast<std::uint16_t>(hash >> 16), hash & 0xffffffffffff);
}

// Arguments as they stand in the log: references without their prefix, records by name.
std::string text(const Value& value) {
  if (value.is_void()) return "-";
  if (value.is_bool()) return value.as_bool() ? "true" : "false";
  if (value.is_int()) return std::to_string(value.as_int());
  if (value.is_float()) return fmt::format("{}", value.as_float());
  if (value.is_string()) {
    const std::string& plain = value.as_string();
    return plain.starts_with("OpaqueRef:") ? plain.substr(10) : '"' + plain + '"';
  }
  std::string out;
  if (value.is_set()) {
    for (const auto& member : value.as_set()) out += (out.empty() ? "" : ", ") + text(member);
    return "[" + out + "]";
  }
  if (value.is_map()) {
    for (const auto& [key, item] : value.as_map()) {
      out += (out.empty() ? "" : ", ") + text(key) + ": " + text(item);
    }
    return "{" + out + "}";
  }
  const auto& record = value.as_record();
  const auto& desc = model::classes()[record.class_index];
  for (std::size_t i = 0; i < record.fields.size(); ++i) {
    if (record.fields[i].is_void()) continue;
    out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", desc.fields[i].name,
                       text(record.fields[i]));
  }
  return "<" + out + ">";
}

Failure handle_invalid(std::uint16_t class_index, const std::string& ref) {
  return Failure("HANDLE_INVALID", {std::string(model::classes()[class_index].name), ref});
}

bool reads(Accessor accessor) {
  switch (accessor) {
    case Accessor::Get:
    case Accessor::GetRecord:
    case Accessor::GetByUuid:
    case Accessor::GetByNameLabel:
    case Accessor::GetAll:
    case Accessor::GetAllWhere:
    case Accessor::GetAllRecords:
    case Accessor::GetAllRecordsWhere:
      return true;
    case Accessor::None:
    case Accessor::Set:
    case Accessor::Add:
    case Accessor::Remove:
    case Accessor::AddTo:
    case Accessor::RemoveFrom:
    case Accessor::Create:
    case Accessor::Destroy:
      return false;
  }
  return false;
}

// Some classes have messages of their own that do what accessors do elsewhere.
void make_accessor(model::MessageDesc& row) {
  if (row.name == "get_all_records") row.accessor = Accessor::GetAllRecords;
  if (row.name == "get_record") row.accessor = Accessor::GetRecord;
  if (row.name == "get_by_uuid") row.accessor = Accessor::GetByUuid;
  struct Prefix {
    std::string_view text;
    Accessor accessor;
  };
  for (const Prefix& prefix : {Prefix{"set_", Accessor::Set}, Prefix{"add_to_", Accessor::AddTo},
                               Prefix{"remove_from_", Accessor::RemoveFrom}}) {
    if (!row.name.starts_with(prefix.text)) continue;
    const auto field =
        model::field_index(model::classes()[row.class_index], row.name.substr(prefix.text.size()));
    if (!field) continue;
    row.accessor = prefix.accessor;
    row.field_index = *field;
  }
}

class FakeApi : public Api {
 public:
  FakeApi(FakeHost& host, std::string session) : host_(host), session_(std::move(session)) {}
  Value call(std::string_view method, std::vector<Value> arguments) override {
    return host_.call(std::string(method), arguments);
  }
  std::string session() const override { return session_; }
  std::optional<std::uint16_t> class_of(const std::string& ref) override {
    return host_.class_of(ref);
  }
  void wait_for_change(const std::vector<std::string>&, std::string& token,
                       std::chrono::milliseconds timeout) override {
    host_.wait_for_change(token, timeout);
  }
  std::unique_ptr<Api> with_session(const std::string& ref) override {
    return std::make_unique<FakeApi>(host_, ref);
  }

 private:
  FakeHost& host_;
  std::string session_;
};

}  // namespace

RecordValue FakeHost::empty(std::uint16_t class_index) {
  const auto& desc = model::classes()[class_index];
  RecordValue record{class_index, std::vector<Value>(desc.fields.size())};
  for (std::size_t i = 0; i < desc.fields.size(); ++i) {
    const auto& field = desc.fields[i];
    record.fields[i] =
        field.default_json ? model::default_value(field) : model::zero_value(*field.type);
  }
  return record;
}

std::string FakeHost::insert(std::uint16_t class_index, const std::string& name,
                             RecordValue record) {
  const std::lock_guard lock(mutex_);
  const auto& desc = model::classes()[class_index];
  if (desc.uuid_field) record.fields[*desc.uuid_field] = uuid_of(name);
  const std::string ref = "OpaqueRef:" + name;
  records_[class_index].emplace(ref, std::move(record));
  ++generation_;
  changed_.notify_all();
  return ref;
}

RecordValue& FakeHost::record(std::uint16_t class_index, const std::string& ref) {
  auto& records = records_[class_index];
  const auto found = records.find(ref);
  if (found == records.end()) throw handle_invalid(class_index, ref);
  return found->second;
}

Value FakeHost::all_records(std::uint16_t class_index) {
  MapValue all;
  for (const auto& [ref, record] : records_[class_index]) all.emplace_back(ref, record);
  return all;
}

Value FakeHost::accessor(const model::MessageDesc& message, const std::vector<Value>& args) {
  const std::lock_guard lock(mutex_);
  const std::uint16_t cls = message.class_index;
  const auto own = [&]() -> Value& {
    return record(cls, args.at(0).as_string()).fields.at(message.field_index);
  };
  switch (message.accessor) {
    case Accessor::Get:
      return own();
    case Accessor::GetRecord:
      return record(cls, args.at(0).as_string());
    case Accessor::GetAllRecords:
      return all_records(cls);
    case Accessor::GetByUuid:
      for (const auto& [ref, found] : records_[cls]) {
        const auto field = model::classes()[cls].uuid_field;
        if (field && found.fields[*field] == args.at(0)) return ref;
      }
      throw Failure("UUID_INVALID",
                    {std::string(model::classes()[cls].name), args.at(0).as_string()});
    case Accessor::Set:
      own() = args.at(1);
      break;
    case Accessor::Add: {
      SetValue members = own().as_set();
      members.push_back(args.at(1));
      own() = members;
      break;
    }
    case Accessor::Remove: {
      SetValue members = own().as_set();
      std::erase(members, args.at(1));
      own() = members;
      break;
    }
    case Accessor::AddTo: {
      MapValue entries = own().as_map();
      for (const auto& entry : entries) {
        if (entry.first == args.at(1)) {
          throw Failure("MAP_DUPLICATE_KEY",
                        {std::string(model::classes()[cls].name), std::string(message.name),
                         args.at(0).as_string(), args.at(1).as_string()});
        }
      }
      entries.emplace_back(args.at(1), args.at(2));
      own() = entries;
      break;
    }
    case Accessor::RemoveFrom: {
      MapValue entries = own().as_map();
      std::erase_if(entries, [&](const auto& entry) { return entry.first == args.at(1); });
      own() = entries;
      break;
    }
    case Accessor::Create: {
      RecordValue made = args.at(0).as_record();
      const std::string name = fmt::format("created-{}", ++created_);
      if (const auto field = model::classes()[cls].uuid_field) {
        made.fields[*field] = uuid_of(name);
      }
      records_[cls].emplace("OpaqueRef:" + name, made);
      return Value("OpaqueRef:" + name);
    }
    case Accessor::Destroy:
      records_[cls].erase(args.at(0).as_string());
      break;
    case Accessor::GetByNameLabel:
    case Accessor::GetAll:
    case Accessor::GetAllWhere:
    case Accessor::GetAllRecordsWhere:
    case Accessor::None:
      throw Failure("NOT_IMPLEMENTED", {std::string(message.name)});
  }
  ++generation_;
  changed_.notify_all();
  return {};
}

// A task that is half done until somebody waits for it.
Value FakeHost::asynchronous(const std::string& method, const std::vector<Value>& args) {
  const auto task = add<model::task>(fmt::format("task-{}", ++created_), [](RecordValue&) {});
  progress_task(task.str(), 0.5);
  pending_ = [this, task, method, args] { run_task(task.str(), method, args); };
  return task.str();
}

void FakeHost::run_task(const std::string& task, const std::string& method,
                        const std::vector<Value>& args) {
  try {
    const Value result = call(method, args);
    std::string xml;
    const auto& type = *model::find_message(method)->result;
    if (type.kind != model::Kind::Void) model::write_xml(xml, result, type);
    finish_task(task, xml);
  } catch (const Failure& failure) {
    std::vector<std::string> info = {failure.code()};
    info.insert(info.end(), failure.params().begin(), failure.params().end());
    fail_task(task, info);
  }
}

Value FakeHost::call(const std::string& method, const std::vector<Value>& args) {
  if (method.starts_with("Async.")) return asynchronous(method.substr(6), args);
  const model::MessageDesc* message = model::find_message(method);
  if (!message) throw Failure("MESSAGE_METHOD_UNKNOWN", {method});
  const auto explicit_one = messages_.find(method);
  const bool changes_things = explicit_one != messages_.end()
                                  ? !message->name.starts_with("get")
                                  : !reads(message->accessor) &&
                                        !message->name.starts_with("get") &&
                                        !message->name.starts_with("compute_");
  if (changes_things && !method.starts_with("task.")) {
    std::string line = method + "(";
    for (std::size_t i = 0; i < args.size(); ++i) line += (i > 0 ? ", " : "") + text(args[i]);
    changes.push_back(line + ")");
  }
  if (args.size() > message->params.size()) {
    throw Failure("MESSAGE_PARAMETER_COUNT_MISMATCH", {method, "", ""});
  }
  if (explicit_one != messages_.end()) return explicit_one->second(*this, args);
  if (method == "task.create") {
    return add<model::task>(fmt::format("task-{}", ++created_), [](RecordValue&) {}).str();
  }
  if (method == "task.destroy") return {};
  if (method == "task.set_progress") {
    progress_task(args.at(0).as_string(), args.at(1).as_float());
    return {};
  }
  if (method == "task.set_status") {
    fail_task(args.at(0).as_string(), {"CLIENT_ERROR"});
    return {};
  }
  model::MessageDesc row = *message;
  if (row.accessor == Accessor::None) make_accessor(row);
  if (row.accessor == Accessor::None) throw Failure("NOT_IMPLEMENTED", {method});
  return accessor(row, args);
}

std::optional<std::uint16_t> FakeHost::class_of(const std::string& ref) {
  const std::lock_guard lock(mutex_);
  for (const auto& [cls, records] : records_) {
    if (records.contains(ref)) return cls;
  }
  return std::nullopt;
}

void FakeHost::wait_for_change(std::string& token, std::chrono::milliseconds timeout) {
  if (const auto pending = token.empty() ? nullptr : std::exchange(pending_, nullptr)) pending();
  std::unique_lock lock(mutex_);
  const std::uint64_t seen = token.empty() ? generation_ : std::stoull(token);
  if (!token.empty()) {
    changed_.wait_for(lock, timeout, [&] { return generation_ != seen; });
  }
  token = std::to_string(generation_);
}

void FakeHost::finish_task(const std::string& ref, const std::string& result_xml) {
  const std::lock_guard lock(mutex_);
  auto& task = record(model::task::index, ref);
  task.set(model::task::status, model::TaskStatusType::Success);
  task.set(model::task::result, result_xml);
  ++generation_;
  changed_.notify_all();
}

void FakeHost::fail_task(const std::string& ref, const std::vector<std::string>& error) {
  const std::lock_guard lock(mutex_);
  auto& task = record(model::task::index, ref);
  task.set(model::task::status, model::TaskStatusType::Failure);
  task.set(model::task::error_info, error);
  ++generation_;
  changed_.notify_all();
}

void FakeHost::progress_task(const std::string& ref, double progress) {
  const std::lock_guard lock(mutex_);
  record(model::task::index, ref).set(model::task::progress, progress);
  ++generation_;
  changed_.notify_all();
}

std::unique_ptr<Api> FakeDoor::log_in(const Login& login) {
  host_.logins.push_back(login.user + (login.local ? " local" : ""));
  if (login.user.empty() ||
      (!host_.wrong_password.empty() && login.password == host_.wrong_password)) {
    throw Failure("SESSION_AUTHENTICATION_FAILED", {login.user, "wrong password"});
  }
  return std::make_unique<FakeApi>(host_, "OpaqueRef:session");
}

std::unique_ptr<Api> FakeDoor::use_session(const std::string& ref) {
  host_.logins.push_back("session " + ref);
  return std::make_unique<FakeApi>(host_, ref);
}

void FakeTerminal::print_stderr(std::string_view text) {
  shown += "err: ";
  for (const char c : text) {
    if (c == '\r')
      shown += "\\r";
    else if (c == '\x1b')
      shown += "\\e";
    else
      shown += c;
  }
  if (!text.ends_with('\n')) shown += "\n";
}

void FakeTerminal::error(const std::string& code, const std::vector<std::string>& params) {
  shown += "error: " + code;
  for (const auto& param : params) shown += " " + param;
  shown += "\n";
}

std::optional<std::string> FakeTerminal::load(const std::string& filename) {
  shown += "load: " + filename + "\n";
  const auto found = files.find(filename);
  if (found == files.end()) return std::nullopt;
  return found->second;
}

std::string FakeTerminal::prompt() {
  shown += "prompt: " + answer + "\n";
  return answer;
}

bool FakeTerminal::moved(const char* verb, const std::string& filename, const std::string& url) {
  shown += fmt::format("{}: {} {}\n", verb, filename, url);
  return !transfer || transfer(url);
}
bool FakeTerminal::http_get(const std::string& filename, const std::string& url) {
  return moved("get", filename, url);
}
bool FakeTerminal::http_put(const std::string& filename, const std::string& url) {
  return moved("put", filename, url);
}
bool FakeTerminal::http_connect(const std::string& url) {
  return moved("connect", "", url);
}

void furnish(FakeHost& fake) {
  using namespace model;
  const auto local_host = fake.add<host>("host1", [](RecordValue& r) {
    r.set(host::name_label, "first host");
    r.set(host::hostname, "host1");
    r.set(host::address, "10.0.0.1");
    r.set(host::enabled, true);
    r.set(host::software_version, {{"product_brand", "Kronos"}, {"build", "7"}});
    r.set(host::https_only, true);
    r.set(host::cpu_info, {{"cpu_count", "4"}, {"features", "1f-2e"}});
  });
  const auto local_sr = fake.add<SR>("sr-local", [](RecordValue& r) {
    r.set(SR::name_label, "Local storage");
    r.set(SR::type, "file");
    r.set(SR::content_type, "user");
    r.set(SR::physical_size, 100ll << 30);
  });
  const auto iso_sr = fake.add<SR>("sr-iso", [](RecordValue& r) {
    r.set(SR::name_label, "CDs, and more");
    r.set(SR::type, "iso");
    r.set(SR::content_type, "iso");
    r.set(SR::shared, true);
  });
  const auto add_pbd = [&](const std::string& name, const Ref<SR>& sr) {
    const auto pbd = fake.add<PBD>(name, [&](RecordValue& r) {
      r.set(PBD::host, local_host);
      r.set(PBD::SR, sr);
      r.set(PBD::currently_attached, true);
      r.set(PBD::device_config, {{"location", "/srv"}});
    });
    fake.set(sr, SR::PBDs, {pbd});
  };
  add_pbd("pbd-local", local_sr);
  add_pbd("pbd-iso", iso_sr);
  fake.add<pool>("pool", [&](RecordValue& r) {
    r.set(pool::name_label, "");
    r.set(pool::master, local_host);
    r.set(pool::default_SR, local_sr);
    r.set(pool::tags, {"one", "two, three"});
  });
  const auto lan = fake.add<network>("network", [](RecordValue& r) {
    r.set(network::name_label, "LAN");
    r.set(network::bridge, "xenbr0");
    r.set(network::MTU, 1500);
  });
  const auto pif_metrics = fake.add<PIF_metrics>("pif-metrics", [](RecordValue& r) {
    r.set(PIF_metrics::carrier, true);
    r.set(PIF_metrics::speed, 1000);
    r.set(PIF_metrics::duplex, true);
    r.set(PIF_metrics::vendor_name, "Intel");
  });
  fake.add<PIF>("pif", [&](RecordValue& r) {
    r.set(PIF::device, "eth0");
    r.set(PIF::MAC, "02:00:00:00:00:0a");
    r.set(PIF::VLAN, -1);
    r.set(PIF::host, local_host);
    r.set(PIF::network, lan);
    r.set(PIF::metrics, pif_metrics);
    r.set(PIF::management, true);
    r.set(PIF::ip_configuration_mode, IpConfigurationMode::DHCP);
  });
  fake.add<VM>("dom0", [&](RecordValue& r) {
    r.set(VM::name_label, "Control domain");
    r.set(VM::is_control_domain, true);
    r.set(VM::power_state, VmPowerState::Running);
    r.set(VM::resident_on, local_host);
  });
  const auto metrics = fake.add<VM_metrics>("web-metrics", [](RecordValue& r) {
    r.set(VM_metrics::memory_actual, 2ll << 30);
    r.set(VM_metrics::VCPUs_number, 2);
    r.set(VM_metrics::start_time, {1750000000});
  });
  const auto guest = fake.add<VM_guest_metrics>("web-guest", [](RecordValue& r) {
    r.set(VM_guest_metrics::os_version, {{"name", "Debian 12"}, {"distro", "debian"}});
    r.set(VM_guest_metrics::networks, {{"0/ip", "10.0.0.50"}});
  });
  const auto web = fake.add<VM>("web", [&](RecordValue& r) {
    r.set(VM::name_label, "web server");
    r.set(VM::name_description, "serves, pages\\");
    r.set(VM::power_state, VmPowerState::Running);
    r.set(VM::resident_on, local_host);
    r.set(VM::metrics, metrics);
    r.set(VM::guest_metrics, guest);
    r.set(VM::memory_static_max, 2ll << 30);
    r.set(VM::other_config, {{"a", "1"}, {"b-c", "2"}});
    r.set(VM::tags, {"prod", "web"});
    r.set(VM::current_operations, {{"OpaqueRef:task-x", VmOperations::CleanShutdown}});
    r.set(VM::HVM_shadow_multiplier, 1.0);
  });
  const auto db = fake.add<VM>("db", [](RecordValue& r) {
    r.set(VM::name_label, "database");
    r.set(VM::power_state, VmPowerState::Halted);
  });
  fake.add<VM>("debian", [](RecordValue& r) {
    r.set(VM::name_label, "Debian 12");
    r.set(VM::is_a_template, true);
    r.set(VM::other_config,
          {{"disks", "<provision><disk device='0' size='8' sr=''/></provision>"}});
  });
  const auto snapshot = fake.add<VM>("web-snap", [&](RecordValue& r) {
    r.set(VM::name_label, "before upgrade");
    r.set(VM::is_a_template, true);
    r.set(VM::is_a_snapshot, true);
    r.set(VM::snapshot_of, web);
    r.set(VM::snapshot_time, {1750000000});
  });
  fake.set(web, VM::snapshots, {snapshot});
  const auto add_disk = [&](const std::string& name, const Ref<SR>& sr) {
    return fake.add<VDI>(name, [&](RecordValue& r) {
      r.set(VDI::name_label, name);
      r.set(VDI::SR, sr);
      r.set(VDI::virtual_size, 8ll << 30);
      r.set(VDI::type, VdiType::User);
      r.set(VDI::location, name + ".qcow2");
    });
  };
  const auto root = add_disk("web-root", local_sr);
  const auto data = add_disk("shared-data", local_sr);
  const auto cd = add_disk("debian.iso", iso_sr);
  fake.set(local_sr, SR::VDIs, {root, data});
  fake.set(iso_sr, SR::VDIs, {cd});
  const auto add_vbd = [&](const std::string& name, const Ref<VM>& vm, const Ref<VDI>& vdi,
                           const std::string& position, VbdType type,
                           const std::map<std::string, std::string>& other_config) {
    return fake.add<VBD>(name, [&](RecordValue& r) {
      r.set(VBD::VM, vm);
      r.set(VBD::VDI, vdi);
      r.set(VBD::empty, vdi.is_null());
      r.set(VBD::userdevice, position);
      r.set(VBD::device, type == VbdType::CD ? "" : "xvda");
      r.set(VBD::type, type);
      r.set(VBD::other_config, other_config);
    });
  };
  const auto vbd_root = add_vbd("vbd-root", web, root, "0", VbdType::Disk, {{"owner", "true"}});
  const auto vbd_data = add_vbd("vbd-data", web, data, "1", VbdType::Disk, {});
  const auto vbd_cd = add_vbd("vbd-cd", web, {}, "3", VbdType::CD, {});
  fake.set(web, VM::VBDs, {vbd_cd, vbd_data, vbd_root});
  const auto vbd_db_cd = add_vbd("vbd-db-cd", db, cd, "3", VbdType::CD, {});
  fake.set(db, VM::VBDs, {vbd_db_cd});
  fake.set(root, VDI::VBDs, {vbd_root});
  const auto vif = fake.add<VIF>("vif", [&](RecordValue& r) {
    r.set(VIF::VM, web);
    r.set(VIF::network, lan);
    r.set(VIF::device, "0");
    r.set(VIF::MAC, "02:00:00:00:00:01");
    r.set(VIF::MTU, 1500);
  });
  fake.set(web, VM::VIFs, {vif});
  const auto vnc = fake.add<console>("console-vnc", [&](RecordValue& r) {
    r.set(console::VM, web);
    r.set(console::protocol, ConsoleProtocol::Rfb);
  });
  const auto text_console = fake.add<console>("console-text", [&](RecordValue& r) {
    r.set(console::VM, web);
    r.set(console::protocol, ConsoleProtocol::Vt100);
  });
  fake.set(web, VM::consoles, {vnc, text_console});
  fake.on("session.get_this_host",
          [local_host](FakeHost&, const auto&) { return Value(local_host.str()); });
}

}  // namespace xcp::cli::testing
