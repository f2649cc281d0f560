// SPDX-License-Identifier: GPL-2.0-or-later
// File transfers and the commands that are little else; see transfers.hpp.
#include "xapi/cli/transfers.hpp"

#include <fmt/format.h>

#include <pugixml.hpp>

#include "datamodel/codec.hpp"
#include "xapi/cli/commands.gen.hpp"

namespace xcp::cli {
namespace {

using model::Value;

std::string url_encoded(std::string_view text) {
  std::string out;
  for (const unsigned char c : text) {
    const bool plain = std::isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
    out += plain ? std::string(1, static_cast<char>(c)) : fmt::format("%{:02x}", c);
  }
  return out;
}

// The task of one transfer; one made here is destroyed at the end. When the client has gone while a
// handler is busy, the task stays for the handler to end it.
class TransferTask {
 public:
  explicit TransferTask(Run& run) : run_(run) {
    if (const auto uuid = run.words.get("task-uuid")) {
      ref_ = run.world.by_uuid<model::task>(*uuid).ref;
    } else {
      ref_ = run.world.call("task.create", {std::string(run.row.name), ""}).as_string();
      own_ = true;
    }
    run.world.call("task.set_progress", {ref_, -1.0});
  }
  ~TransferTask() {
    if (!own_) return;
    try {
      if (!ended_ && !nobody_took_over()) return;
      run_.world.call_on("task.destroy", ref_);
    } catch (const Failure&) {
      // It expires by itself.
    }
  }
  TransferTask(const TransferTask&) = delete;
  TransferTask& operator=(const TransferTask&) = delete;

  const std::string& ref() const { return ref_; }

  // The result when all went well; waits for a handler that is still busy.
  std::string finish(bool client_says_ok) {
    ended_ = true;
    if (!client_says_ok && nobody_took_over()) {
      run_.world.call("task.set_status", {ref_, model::to_value(model::TaskStatusType::Failure)});
      throw Failure("CLIENT_ERROR");
    }
    const std::string result = follow_task(run_.world, ref_, {});
    if (!client_says_ok) throw Failure("CLIENT_ERROR");
    return result;
  }

 private:
  bool nobody_took_over() {
    const Value record = run_.world.call_on("task.get_record", ref_);
    const auto& task = record.as_record();
    return task.get(model::task::status) == model::TaskStatusType::Pending &&
           task.get(model::task::progress) < 0;
  }

  Run& run_;
  std::string ref_;
  bool own_ = false;
  bool ended_ = false;
};

void add_flag(const Words& words, std::string_view param, std::string_view key, Query& query) {
  if (words.has(param)) query.emplace_back(key, words.flag(param) ? "true" : "false");
}

void add_text(const Words& words, std::string_view param, std::string_view key, Query& query) {
  if (const auto text = words.get(param)) query.emplace_back(key, *text);
}

// The objects that a task's result names, by uuid.
void print_result(Run& run, const std::string& xml, std::string_view method) {
  const model::Type& type = *model::find_message(method)->result;
  pugi::xml_document document;
  if (xml.empty() || !document.load_string(xml.c_str())) return;
  const Value value = model::read_xml(document.document_element(), type);
  std::vector<std::string> uuids;
  if (type.kind == model::Kind::Set) {
    for (const auto& item : value.as_set())
      uuids.push_back(text_of(run.world, item, *type.element));
  } else {
    uuids.push_back(text_of(run.world, value, type));
  }
  if (run.printer.minimal()) return run.printer.list(uuids);
  run.printer.list({format_minimal(uuids)});
}

std::string compression(const Words& words) {
  const std::string text = words.get_or("compress", "false");
  // zstd and gzip are named as they are; the old true means gzip.
  return text;
}

void export_vm(Run& run, const Object& vm) {
  const bool metadata = run.words.flag("metadata");
  Query query = {{"uuid", vm.uuid()}};
  if (!metadata) query.emplace_back("use_compression", compression(run.words));
  add_flag(run.words, "preserve-power-state", "preserve_power_state", query);
  add_flag(run.words, "include-snapshots", "export_snapshots", query);
  add_text(run.words, "excluded-device-types", "excluded_device_types", query);
  transfer(run, Direction::ToUser, run.words.need("filename"),
           metadata ? "/export_metadata" : "/export", std::move(query));
  run.printer.message("Export succeeded");
}

void import_from_url(Run& run, const std::string& url) {
  const auto sr = run.words.get("sr-uuid");
  const std::string sr_ref =
      sr ? run.world.by_uuid<model::SR>(*sr).ref : std::string(null_ref_text);
  const Value vms =
      run.call("VM.import", {url, sr_ref, run.words.flag("preserve"), run.words.flag("force")});
  run.show(vms, *model::find_message("VM.import")->result);
}

void import_converted(Run& run, const std::string& type) {
  const Object sr = run.param_object<model::SR>("sr-uuid");
  const model::Type& config = *model::find_message("VM.import_convert")->params[4].type;
  run.call("VM.import_convert",
           {type, run.words.need("host-username"), run.words.need("host-password"), sr.ref,
            run.parse("remote-config", run.words.get_or("remote-config", ""), config)});
}

void host_file(Run& run, Direction direction, std::string_view path, const std::string& filename,
               Query query = {}) {
  transfer(run, direction, filename, path, std::move(query), address_for_client(run, run.object()));
}

Object update_sr(Run& run) {
  if (run.words.has("sr-uuid")) return run.param_object<model::SR>("sr-uuid");
  const auto sr = run.world.find(run.world.pool().get(model::pool::default_SR));
  if (!sr) throw cli_error("The pool has no default SR; say which one with sr-uuid=.");
  return *sr;
}

}  // namespace

std::string make_target(std::string_view path, const Query& query) {
  std::string target(path);
  char sign = '?';
  for (const auto& [key, value] : query) {
    target += sign + url_encoded(key) + '=' + url_encoded(value);
    sign = '&';
  }
  return target;
}

std::string address_for_client(Run& run, const Object& host) {
  if (host.ref == run.world.local_host().ref) return "";
  return host.get(model::host::address);
}

std::string transfer(Run& run, Direction direction, const std::string& filename,
                     std::string_view path, Query query, const std::string& host_address) {
  TransferTask task(run);
  query.emplace_back("session_id", run.world.api().session());
  query.emplace_back("task_id", task.ref());
  std::string url = make_target(path, query);
  if (!host_address.empty()) url = "https://" + host_address + url;
  const bool ok = direction == Direction::ToUser ? run.terminal.http_get(filename, url)
                                                 : run.terminal.http_put(filename, url);
  return task.finish(ok);
}

void do_vm_export(Run& run) {
  export_vm(run, run.object());
}
void do_snapshot_export(Run& run) {
  export_vm(run, run.param_object<model::VM>("snapshot-uuid"));
}
void do_template_export(Run& run) {
  export_vm(run, run.param_object<model::VM>("template-uuid"));
}

void do_vm_import(Run& run) {
  if (const auto url = run.words.get("url")) return import_from_url(run, *url);
  if (const auto type = run.words.get("type")) return import_converted(run, *type);
  const bool metadata = run.words.flag("metadata");
  Query query;
  query.emplace_back("restore", run.words.flag("preserve") ? "true" : "false");
  query.emplace_back("force", run.words.flag("force") ? "true" : "false");
  add_text(run.words, "sr-uuid", "sr_uuid", query);
  if (metadata) {
    add_flag(run.words, "dry-run", "dry_run", query);
    for (const auto& [disk, target] : run.words.map("vdi")) {
      query.emplace_back("vdi:" + disk, target);
    }
  }
  const std::string result = transfer(run, Direction::FromUser, run.words.need("filename"),
                                      metadata ? "/import_metadata" : "/import", std::move(query));
  print_result(run, result, "VM.import");
}

void do_vdi_import(Run& run) {
  const Object vdi = run.param_object<model::VDI>("uuid");
  transfer(run, Direction::FromUser, run.words.need("filename"), "/import_raw_vdi",
           {{"vdi", vdi.ref}, {"format", run.words.get_or("format", "raw")}});
}

void do_vdi_export(Run& run) {
  const Object vdi = run.param_object<model::VDI>("uuid");
  Query query = {{"vdi", vdi.ref}, {"format", run.words.get_or("format", "raw")}};
  add_text(run.words, "base", "base", query);
  transfer(run, Direction::ToUser, run.words.need("filename"), "/export_raw_vdi", std::move(query));
}

void do_blob_get(Run& run) {
  const Object blob = run.param_object<model::blob>("uuid");
  transfer(run, Direction::ToUser, run.words.need("filename"), "/blob", {{"ref", blob.ref}});
}

void do_blob_put(Run& run) {
  const Object blob = run.param_object<model::blob>("uuid");
  transfer(run, Direction::FromUser, run.words.need("filename"), "/blob", {{"ref", blob.ref}});
}

void do_pool_dump_database(Run& run) {
  transfer(run, Direction::ToUser, run.words.need("file-name"), "/pool/xmldbdump", {});
}

void do_pool_restore_database(Run& run) {
  Query query;
  add_flag(run.words, "dry-run", "dry_run", query);
  transfer(run, Direction::FromUser, run.words.need("file-name"), "/pool/xmldbdump",
           std::move(query));
  if (!run.words.flag("dry-run")) {
    run.printer.message("The hosts restart now with the restored database.");
  }
}

void do_pool_sync_bundle(Run& run) {
  transfer(run, Direction::FromUser, run.words.need("filename"), "/bundle", {});
}

void do_pool_retrieve_wlb_report(Run& run) {
  Query query;
  for (const auto& [name, value] : run.words.params()) {
    // Every further word is a parameter of the report.
    if (name != "filename" && !is_common_param(name)) query.emplace_back(name, value);
  }
  transfer(run, Direction::ToUser, run.words.get_or("filename", ""), "/wlb_report",
           std::move(query));
}

void do_pool_retrieve_wlb_diagnostics(Run& run) {
  transfer(run, Direction::ToUser, run.words.get_or("filename", ""), "/wlb_diagnostics", {});
}

void do_audit_log_get(Run& run) {
  Query query;
  add_text(run.words, "since", "since", query);
  transfer(run, Direction::ToUser, run.words.need("filename"), "/audit_log", std::move(query));
}

void do_host_backup(Run& run) {
  host_file(run, Direction::ToUser, "/host_backup", run.words.need("file-name"));
}

void do_host_restore(Run& run) {
  host_file(run, Direction::FromUser, "/host_restore", run.words.need("file-name"));
}

void do_host_logs_download(Run& run) {
  // Without a name the logs go to the client's standard output: it refuses names made up here.
  host_file(run, Direction::ToUser, "/host_logs_download", run.words.get_or("file-name", ""));
}

void do_host_get_system_status(Run& run) {
  Query query = {{"output", run.words.get_or("output", "tar")}};
  add_text(run.words, "entries", "entries", query);
  host_file(run, Direction::ToUser, "/system-status", run.words.need("filename"), std::move(query));
}

void do_patch_upload(Run& run) {
  const Object sr = update_sr(run);
  const std::string result = transfer(run, Direction::FromUser, run.words.need("file-name"),
                                      "/pool_patch_upload", {{"sr_id", sr.ref}});
  print_result(run, result, "pool_patch.get_by_uuid");
}

void do_update_upload(Run& run) {
  const Object sr = update_sr(run);
  const std::string result = transfer(run, Direction::FromUser, run.words.need("file-name"),
                                      "/import_raw_vdi", {{"sr_id", sr.ref}, {"format", "raw"}});
  pugi::xml_document document;
  if (!document.load_string(result.c_str())) throw internal_error("the upload has no result");
  const Value vdi =
      model::read_xml(document.document_element(), *model::find_message("VDI.get_by_uuid")->result);
  const Value update = run.call("pool_update.introduce", {vdi});
  run.show(update, *model::find_message("pool_update.introduce")->result);
}

}  // namespace xcp::cli
