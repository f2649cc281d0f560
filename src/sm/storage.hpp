// SPDX-License-Identifier: GPL-2.0-or-later
// The contract of the storage daemon: storage repositories (SRs) and virtual disks (VDIs) in them.
//
// Always: SRs and VDIs are named by uuid. An SR must be plugged before anything in it can be used;
// the daemon remembers plugged SRs over its own restart. Calls are synchronous and safe from any
// thread; calls on one VDI are carried out one after the other. Failures use XenAPI's codes
// (SR_BACKEND_FAILURE_<n> [reason, message, ""], SR_UNKNOWN_DRIVER [type], VDI_NOT_AVAILABLE ...).
// Every change is on disk before the call returns; a daemon killed at any moment leaves the state
// before or after the call, and what it left half-made is removed when the SR is plugged or
// scanned. Sizes are bytes.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace xcp::sm {

using Config = std::map<std::string, std::string>;

BOOST_DEFINE_ENUM_CLASS(ImageFormat, raw, qcow2)

// What a kind of SR can do; makes the XenAPI SM object.
struct DriverInfo {
  std::string type;  // "file", "ext", "iso", "dummy"
  std::string name;
  std::string description;
  std::string vendor;
  std::string version;
  Config configuration;           // device_config key -> what it means
  Config required_configuration;  // the keys that must be there
  std::vector<std::string>
      features;  // "VDI_CREATE", "VDI_SNAPSHOT", ... as XenAPI SM.features names
};
BOOST_DESCRIBE_STRUCT(DriverInfo, (),
                      (type, name, description, vendor, version, configuration,
                       required_configuration, features))

struct SrSpec {
  std::string uuid;
  std::string type;
  Config device_config;  // "location": a directory (file), "device": a block device (ext), ...
  std::string name;
  std::string description;
};
BOOST_DESCRIBE_STRUCT(SrSpec, (), (uuid, type, device_config, name, description))

struct SrState {
  std::int64_t physical_size = 0;         // bytes
  std::int64_t physical_utilisation = 0;  // bytes really in use by the SR
  std::int64_t virtual_allocation = 0;    // sum of virtual sizes
};
BOOST_DESCRIBE_STRUCT(SrState, (), (physical_size, physical_utilisation, virtual_allocation))

struct VdiSpec {
  std::string uuid;  // empty: a fresh one
  std::string name;
  std::string description;
  std::string type = "user";  // XenAPI vdi_type
  std::int64_t virtual_size = 0;
  bool sharable = false;  // makes a raw disk, of which there are no snapshots and clones
  bool read_only = false;
  ImageFormat format = ImageFormat::qcow2;
  Config sm_config;  // "image": name of a ready-made image that fills the disk (a size
                     // of 0 is then the image's), "type": "raw" for that format, ...
};
BOOST_DESCRIBE_STRUCT(VdiSpec, (),
                      (uuid, name, description, type, virtual_size, sharable, read_only, format,
                       sm_config))

struct VdiInfo {
  std::string uuid;
  std::string location;  // XenAPI VDI.location: unique within the SR
  std::string name;
  std::string description;
  std::string type;
  std::int64_t virtual_size = 0;
  std::int64_t physical_utilisation = 0;  // bytes that this VDI alone keeps in use
  bool read_only = false;
  bool sharable = false;
  bool is_a_snapshot = false;
  std::string snapshot_of;         // uuid; empty when unknown or none
  std::int64_t snapshot_time = 0;  // seconds since 1970
  ImageFormat format = ImageFormat::qcow2;
  Config sm_config;
};
BOOST_DESCRIBE_STRUCT(VdiInfo, (),
                      (uuid, location, name, description, type, virtual_size, physical_utilisation,
                       read_only, sharable, is_a_snapshot, snapshot_of, snapshot_time, format,
                       sm_config))

// How a guest reaches an attached disk.
struct DiskSource {
  std::string path;  // file or block device
  ImageFormat format = ImageFormat::raw;
  bool read_only = false;
};
BOOST_DESCRIBE_STRUCT(DiskSource, (), (path, format, read_only))

// A data path: one use of one VDI (normally by one VBD). Attached: the path exists; activated: it
// may be read and written. A VDI that is not sharable has at most one writable data path.
struct DataPath {
  std::string sr;
  std::string vdi;
  std::string id;  // the caller's name for it: the VBD's uuid
  bool read_write = false;
  bool activated = false;
};
BOOST_DESCRIBE_STRUCT(DataPath, (), (sr, vdi, id, read_write, activated))

struct ProbeResult {
  Config configuration;  // device_config that would attach it
  bool complete = true;
  std::string sr_uuid;  // of an SR already there; empty: none yet
  std::optional<SrState> state;
  Config extra;
};
BOOST_DESCRIBE_STRUCT(ProbeResult, (), (configuration, complete, sr_uuid, state, extra))

class Storage {
 public:
  virtual ~Storage() = default;

  virtual std::vector<DriverInfo> drivers() = 0;

  virtual std::vector<ProbeResult> sr_probe(std::string type, Config device_config) = 0;
  // Makes an empty SR; does not plug it. `size` is a hint, 0 means all there is.
  virtual void sr_create(SrSpec spec, std::int64_t size) = 0;
  virtual void sr_plug(SrSpec spec) = 0;
  virtual void sr_unplug(std::string sr) = 0;  // refused while data paths are there
  virtual void sr_destroy(SrSpec spec) = 0;  // the SR must be plugged; removes all content, unplugs
  // Plugged ones; after a start, those that are still being plugged are waited for, up to 2 s.
  // Other calls on such an SR wait up to 10 s. An SR that could not be plugged again is in neither
  // list; it is tried again at the next start, until it is plugged or unplugged.
  virtual std::vector<std::string> srs() = 0;
  virtual SrState sr_state(std::string sr) = 0;
  virtual std::vector<VdiInfo> sr_scan(std::string sr) = 0;

  virtual VdiInfo vdi_create(std::string sr, VdiSpec spec) = 0;
  virtual void vdi_destroy(std::string sr, std::string vdi) = 0;  // refused while in use
  // Only grows (VDI_TOO_SMALL); NOT_IMPLEMENTED while the disk is in use.
  virtual VdiInfo vdi_resize(std::string sr, std::string vdi, std::int64_t virtual_size) = 0;
  // Both share blocks with their origin. The snapshot is read-only; the clone is independent.
  // When the VDI has a writable data path its image changes: the running guest is told with
  // Hypervisor::switch_images and the path that vdi_source gives from now on. Until then the guest
  // still writes what the snapshot shows; a caller that dies in between finds a guest whose image
  // is not vdi_source's, and tells it then or destroys the snapshot.
  // A chain of 30 images cannot be branched again: SR_BACKEND_FAILURE_109.
  virtual VdiInfo vdi_snapshot(std::string sr, std::string vdi, VdiSpec names) = 0;
  virtual VdiInfo vdi_clone(std::string sr, std::string vdi, VdiSpec names) = 0;
  // Gives `vdi` the content of `snapshot` (of the same SR), keeping its uuid; refused while in use.
  virtual VdiInfo vdi_revert(std::string sr, std::string vdi, std::string snapshot) = 0;
  // A full copy, also into another SR (`to_sr`); long.
  virtual VdiInfo vdi_copy(std::string sr, std::string vdi, std::string to_sr, VdiSpec names) = 0;
  // Fraction done, 0..1, of the running vdi_copy or filling vdi_create of that new VDI uuid; both
  // calls throw VDI_MISSING when no such call is running.
  virtual double progress(std::string vdi) = 0;
  // Stops it: the running call throws TASK_CANCELLED and removes what it made.
  virtual void cancel(std::string vdi) = 0;
  // Changes what the SR stores about a VDI: "name", "description", "read_only", "sharable", "type".
  virtual VdiInfo vdi_set(std::string sr, std::string vdi, Config changes) = 0;

  // Repeating it with the same id and mode gives the same. VDI_READONLY, VDI_IN_USE (a writer is
  // alone, unless the VDI is sharable: no readers beside it). Data paths end with the host's boot.
  virtual DiskSource vdi_attach(std::string sr, std::string vdi, std::string data_path,
                                bool read_write) = 0;
  virtual void vdi_activate(std::string sr, std::string vdi, std::string data_path) = 0;
  virtual DiskSource vdi_source(std::string sr, std::string vdi) = 0;  // as it is now
  virtual void vdi_detach(std::string sr, std::string vdi,
                          std::string data_path) = 0;  // deactivates
  virtual std::vector<DataPath> data_paths() = 0;
};
BOOST_DESCRIBE_STRUCT(Storage, (),
                      (drivers, sr_probe, sr_create, sr_plug, sr_unplug, sr_destroy, srs, sr_state,
                       sr_scan, vdi_create, vdi_destroy, vdi_resize, vdi_snapshot, vdi_clone,
                       vdi_revert, vdi_copy, progress, cancel, vdi_set, vdi_attach, vdi_activate,
                       vdi_source, vdi_detach, data_paths))

}  // namespace xcp::sm
