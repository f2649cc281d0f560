// SPDX-License-Identifier: GPL-2.0-or-later
// SR.probe and SR.probe_ext: what is on a device, for people and for programs.
#include <fmt/format.h>

#include "xapi/classes/pbd.hpp"
#include "xapi/handlers/sr.gen.hpp"

namespace xcp::xapi {

using model::probe_result;
using model::sr_stat;
using TextMap = std::map<std::string, std::string>;

namespace {

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string element(const char* name, const std::string& text) {
  return fmt::format("\t\t<{0}>\n\t\t\t{1}\n\t\t</{0}>\n", name, escaped(text));
}

std::vector<sm::ProbeResult> probe(Context& context, const Ref<model::host>& host,
                                   const std::string& type, const TextMap& device_config) {
  check_this_host(context, host);
  std::vector<sm::ProbeResult> results;
  Plan plan("SR.probe");
  plan.step("probe", 1,
            [&] { results = context.services().storage.sr_probe(type, device_config); });
  context.run(plan);
  return results;
}

model::RecordValue stat_record(const sm::ProbeResult& found) {
  auto record = empty_record<sr_stat>();
  record.set(sr_stat::uuid, found.sr_uuid);
  record.set(sr_stat::name_label, "");
  record.set(sr_stat::name_description, "");
  const sm::SrState state = found.state.value_or(sm::SrState{});
  record.set(sr_stat::free_space, state.physical_size - state.physical_utilisation);
  record.set(sr_stat::total_space, state.physical_size);
  record.set(sr_stat::clustered, false);
  record.set(sr_stat::health, model::SrHealth::Healthy);
  return record;
}

}  // namespace

std::string sr_probe(Context& context, Ref<model::host> host, TextMap device_config,
                     std::string type, TextMap) {
  std::string list;
  for (const sm::ProbeResult& found : probe(context, host, type, device_config)) {
    if (found.sr_uuid.empty()) continue;
    list += "\t<SR>\n" + element("UUID", found.sr_uuid);
    if (found.state) list += element("Size", std::to_string(found.state->physical_size));
    list += "\t</SR>\n";
  }
  return "<?xml version=\"1.0\" ?>\n<SRlist>\n" + list + "</SRlist>\n";
}

std::vector<model::RecordValue> sr_probe_ext(Context& context, Ref<model::host> host,
                                             TextMap device_config, std::string type, TextMap) {
  std::vector<model::RecordValue> results;
  for (const sm::ProbeResult& found : probe(context, host, type, device_config)) {
    auto record = empty_record<probe_result>();
    record.set(probe_result::configuration, found.configuration);
    record.set(probe_result::complete, found.complete);
    if (!found.sr_uuid.empty()) record.set(probe_result::sr, stat_record(found));
    record.set(probe_result::extra_info, found.extra);
    results.push_back(std::move(record));
  }
  return results;
}

}  // namespace xcp::xapi
