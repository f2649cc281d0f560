// SPDX-License-Identifier: GPL-2.0-or-later
// Guests' memory in files. An image is our header (stream_header.hpp), in it the record of the
// domain (what it must be made like to take the memory) as JSON, and libxl's stream.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/describe.hpp"
#include "base/fd.hpp"
#include "hypervisor/libxl/libxl_driver.hpp"
#include "hypervisor/libxl/xenstore.hpp"
#include "hypervisor/pending.hpp"
#include "hypervisor/spec_check.hpp"
#include "hypervisor/stream_header.hpp"

namespace xcp::hypervisor::libxl {

namespace {

constexpr std::string_view image_format = "XCPXEN01";
constexpr std::chrono::seconds patience_with_booting_guest{60};

bool exists(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

Failure no_image(const std::string& path) {
  return Failure("SUSPEND_IMAGE_NOT_ACCESSIBLE", {path});
}

std::string suspension_node(std::uint32_t domid) {
  return "/local/domain/" + std::to_string(domid) + "/control/feature-suspend";
}

// Leaves the descriptor where libxl's stream begins.
Kept read_header(int fd, const std::string& path) {
  const auto record = read_stream_header(fd, image_format);
  if (!record) throw no_image(path);
  try {
    return from_json<Kept>(parse_json(*record));
  } catch (const Failure&) {
    throw no_image(path);
  }
}

}  // namespace

// A paravirtualized guest takes part in its suspension, which it can only once its kernel is up.
// (An hvm guest may have no such kernel at all; libxl then saves it as it stands.)
void LibxlDriver::require_ready_to_suspend(std::uint32_t domid, const VmSpec& spec) {
  if (spec.type == GuestType::hvm) return;
  if (!Xenstore().wait_for(suspension_node(domid), patience_with_booting_guest))
    throw Failure("OPERATION_NOT_ALLOWED",
                  {"VM " + spec.uuid +
                   " does not say that it can be suspended: its kernel is not up, or cannot"});
}

// The domain is stopped and its memory on disk when this returns; it runs on when this throws.
void LibxlDriver::write_image(Context& context, const Found& found, const std::string& path) {
  require_ready_to_suspend(found.domid, found.kept->spec);
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!file) throw system_failure("cannot write " + path, errno);
  struct stat status {};
  if (fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode) && ftruncate(file.get(), 0) != 0)
    throw system_failure("cannot write " + path, errno);
  write_all(file.get(), stream_header(image_format, json_text(to_json(*found.kept))));
  const auto resume = [&] { resume_in_place(context, found.domid); };
  if (const int code = libxl_domain_suspend(context, found.domid, file.get(), 0, nullptr);
      code != 0) {
    const Failure reason = context.failure("cannot save VM " + found.uuid, code);
    libxl_dominfo info;
    libxl_dominfo_init(&info);
    if (libxl_domain_info(context, &info, found.domid) == 0 && info.shutdown) resume();
    libxl_dominfo_dispose(&info);
    throw reason;
  }
  if (fsync(file.get()) != 0) {
    const int error = errno;
    resume();
    throw system_failure("cannot write " + path, error);
  }
}

void LibxlDriver::save(std::string uuid, std::string path) {
  const auto hold = locks_.hold(uuid);
  Context context;
  const Found found = require(context, uuid);
  const bool fresh = !exists(path);
  // While the record is there, a domain that exists goes on and the image does not count.
  PendingRecord record(
      settings_.state_dir + "/pending",
      {PendingKind::save, uuid, fresh ? std::vector{path} : std::vector<std::string>{}});
  write_image(context, found, path);
  record.only_end_is_left();
  const bool to_tell = claim_end(found.domid);
  take_down(context, found.domid);
  record.done();
  clear_after(uuid);
  if (to_tell) events_.append(EventKind::ended_gone, uuid);
}

void LibxlDriver::checkpoint(std::string uuid, std::string path,
                             std::map<std::string, DiskSpec> new_images) {
  const auto hold = locks_.hold(uuid);
  Context context;
  const Found found = require(context, uuid);
  const bool fresh = !exists(path);
  PendingRecord record(
      settings_.state_dir + "/pending",
      {PendingKind::checkpoint, uuid, fresh ? std::vector{path} : std::vector<std::string>{}});
  write_image(context, found, path);
  const auto resume = [&] { return resume_in_place(context, found.domid); };
  try {
    // The guest stands: its memory and its disks are of one moment.
    write_to_new_images(context, found, new_images);
  } catch (...) {
    resume();
    if (fresh) unlink(path.c_str());
    throw;
  }
  context.check(resume(), "VM " + uuid + " is saved and does not go on");
  record.done();
}

int LibxlDriver::create_from_stream(Context& context, libxl_domain_config* config,
                                    std::uint32_t* domid, int stream) {
  libxl_domain_restore_params params;
  libxl_domain_restore_params_init(&params);
  params.stream_version = 2;
  const int code =
      libxl_domain_create_restore(context, config, domid, stream, -1, &params, nullptr, nullptr);
  libxl_domain_restore_params_dispose(&params);
  // It says so while it boots, and not again when it goes on in another domain.
  if (code == 0 && config->c_info.type != LIBXL_DOMAIN_TYPE_HVM)
    Xenstore().write(suspension_node(*domid), "1");
  return code;
}

DomainState LibxlDriver::restore(VmSpec spec, std::string path) {
  return restore_for(Caller::anybody, std::move(spec), path);
}

DomainState LibxlDriver::restore_for(Caller caller, VmSpec spec, const std::string& path) {
  check_spec(spec);
  check_for_xen(spec);
  const auto hold = locks_.hold(spec.uuid);
  Context context;
  if (const auto found = find_ours(context, spec.uuid))
    throw Failure("DOMAIN_EXISTS", {spec.uuid, std::to_string(found->domid)});
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw no_image(path);
  Kept kept = read_header(file.get(), path);
  require_right_to(kept, caller);
  // The machine is the one that was saved; what it is called and plugged into is the caller's.
  const VmSpec saved = kept.spec;
  kept.spec = spec;
  kept.spec.type = saved.type;
  kept.spec.firmware = saved.firmware;
  kept.spec.direct_kernel = saved.direct_kernel;
  kept.spec.vcpus_max = saved.vcpus_max;
  kept.spec.vcpus = saved.vcpus;
  kept.spec.memory_static_max_bytes = saved.memory_static_max_bytes;
  kept.spec.memory_target_bytes = saved.memory_target_bytes;
  kept.spec.platform = saved.platform;
  kept.spec.vnc = saved.vnc;
  clear_after(spec.uuid);
  PendingRecord record(settings_.state_dir + "/pending", {PendingKind::build, spec.uuid, {}});
  const Found found =
      bring_up(context, kept, [&](libxl_domain_config* config, std::uint32_t* domid) {
        return create_from_stream(context, config, domid, file.get());
      });
  record.done();
  events_.append(EventKind::changed, spec.uuid);
  return state_of(context, found);
}

}  // namespace xcp::hypervisor::libxl
