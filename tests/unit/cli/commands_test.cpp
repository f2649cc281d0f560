// SPDX-License-Identifier: GPL-2.0-or-later
// Whole command lines against a host in memory, compared with tests/golden/xe/: what the user sees
// and which calls changed something. XCP_GOLDEN=rewrite writes the files anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/failure.hpp"
#include "fake.hpp"

namespace xcp::cli::testing {
namespace {

struct Scenario {
  FakeHost host;
  FakeTerminal terminal;
  std::string transcript;

  Scenario() { furnish(host); }

  // Runs the words of the line, separated by blanks ('' keeps them together).
  void run(const std::string& line) {
    FakeDoor door(host);
    host.changes.clear();
    terminal.shown.clear();
    run_command_line(split(line), door, terminal);
    transcript += "$ xe " + line + "\n" + terminal.shown;
    for (const auto& change : host.changes) transcript += "call " + change + "\n";
    transcript += "\n";
  }

  static std::vector<std::string> split(const std::string& line) {
    std::vector<std::string> words;
    std::string word;
    bool quoted = false;
    for (const char c : line + " ") {
      if (c == '\'')
        quoted = !quoted;
      else if (c != ' ' || quoted)
        word += c;
      else if (!word.empty())
        words.push_back(std::exchange(word, ""));
    }
    words.push_back("username=root");
    words.push_back("password=secret");
    return words;
  }

  void expect_golden(const std::string& name) const {
    const std::string path = std::string(XCP_SOURCE_DIR "/tests/golden/xe/") + name + ".txt";
    const char* mode = std::getenv("XCP_GOLDEN");
    if (mode && std::string_view(mode) == "rewrite") {
      std::ofstream(path) << transcript;
      return;
    }
    std::ifstream file(path);
    std::stringstream expected;
    expected << file.rdbuf();
    EXPECT_EQ(transcript, expected.str()) << "see " << path;
  }
};

FakeHost::Message answer(model::Value value) {
  return [value](FakeHost&, const auto&) { return value; };
}

const FakeHost::Message done = [](FakeHost&, const auto&) { return model::Value(); };

TEST(Commands, Lists) {
  Scenario s;
  for (const char* line : {
           "vm-list",
           "vm-list --minimal",
           "vm-list params=uuid,name-label,networks,tags is-control-domain=false",
           "vm-list params=name-label,name-description --minimal",
           "vm-list params=name-description --minimal",
           "vm-list power-state=halted params=name-label",
           "vm-list name-label=web* params=name-label",
           "vm-list other-config:b-c=2 --minimal",
           "vm-list other-config-b-c=2 --minimal",
           "vm-list tags:contains=prod --minimal",
           "vm-list tags:contains=nothing",
           "vm-list tags:contains=nothing --minimal",
           "vm-list is-a-template=true params=name-label",
           "vm-list --all params=name-label power-state=nonsense",
           "vm-list params=nosuch",
           "vm-list nosuch=1",
           "vm-list params=possible-hosts,memory-target,power-state name-label='web server'",
           "template-list",
           "snapshot-list",
           "snapshot-list params=name-label,snapshot-of,snapshot-time",
           "host-list params=all",
           "pool-list",
           "sr-list",
           "vdi-list params=name-label,sr-name-label,vbd-uuids",
           "vbd-list vm-name-label='web server' params=all",
           "pif-list MAC=02:00:00:00:00:0A params=all",
           "console-list",
           "network-list",
           "task-list",
           "message-list",
       }) {
    s.run(line);
  }
  s.expect_golden("lists");
}

TEST(Commands, ParamCommands) {
  Scenario s;
  const std::string web = "uuid=" + s.host.get(Ref<model::VM>("OpaqueRef:web"), model::VM::uuid);
  const std::string pool =
      "uuid=" + s.host.get(Ref<model::pool>("OpaqueRef:pool"), model::pool::uuid);
  const std::string host = s.host.get(Ref<model::host>("OpaqueRef:host1"), model::host::uuid);
  for (const std::string& line : {
           "vm-param-list " + web,
           "vm-param-get " + web + " param-name=power-state",
           "vm-param-get " + web + " param-name=other-config param-key=a",
           "vm-param-get " + web + " param-name=other-config param-key=z",
           "vm-param-get " + web + " param-name=NVRAM",
           "vm-param-get " + web + " param-name=nosuch",
           "vm-param-get " + web,
           std::string("vm-param-get uuid=nosuch param-name=uuid"),
           "vm-param-set " + web + " name-label=www memory-static-max=4GiB is-a-template=false",
           "vm-param-set " + web + " other-config:a=new other-config:fresh=x",
           "vm-param-set " + web + " affinity=" + host,
           "vm-param-set " + web + " affinity=",
           "vm-param-set " + web + " tags=x",
           "vm-param-set " + web + " other-config=x",
           "vm-param-set " + web + " power-state=running",
           "vm-param-set " + web + " is-a-template=perhaps name-label=never",
           "vm-param-set " + web + " memory-static-max=lots",
           "vm-param-set " + web,
           "vm-param-set " + web + " bios-strings:bios-vendor=me",
           "vm-param-add " + web + " param-name=tags param-key=new",
           "vm-param-add " + web + " param-name=other-config k=v l=w",
           "vm-param-add " + web + " param-name=other-config a=again",
           "vm-param-add " + web + " param-name=power-state param-key=x",
           "vm-param-remove " + web + " param-name=tags param-key=prod",
           "vm-param-remove " + web + " param-name=tags param-key=absent",
           "vm-param-remove " + web + " param-name=other-config param-key=k",
           "vm-param-clear " + web + " param-name=tags",
           "vm-param-clear " + web + " param-name=name-description",
           "vm-param-clear " + web + " param-name=other-config",
           "vm-param-clear " + web + " param-name=power-state",
           "pool-param-get " + pool + " param-name=tags",
           "pool-param-get " + pool + " param-name=tags --minimal",
           "pool-param-get " + pool + " param-name=https-only",
           std::string("vlan-param-set uuid=x"),
       }) {
    s.run(line);
  }
  s.expect_golden("params");
}

TEST(Commands, Help) {
  Scenario s;
  for (const char* line : {"help", "help --minimal", "help vm-start", "help vm-list vm-param-set",
                           "help vm-memory-balloon help", "help nosuch"}) {
    s.run(line);
  }
  EXPECT_TRUE(s.host.logins.empty()) << "help needs no session";
  s.expect_golden("help");
}

TEST(Commands, Failures) {
  Scenario s;
  s.host.wrong_password = "wrong";
  s.host.on("VM.start", [](FakeHost&, const auto& args) -> model::Value {
    throw Failure("VM_BAD_POWER_STATE", {args.at(0).as_string(), "halted", "running", "surplus"});
  });
  s.host.on("VM.pause", [](FakeHost&, const auto&) -> model::Value {
    throw Failure("SOMETHING_NEW", {"a", "b"});
  });
  for (const char* line : {
           "nosuch-command",
           "a=b",
           "vm-start -x",
           "vm-start -u",
           "vm-clone vm=web",
           "vm-list password=wrong",
           "vm-start vm=nosuch",
           "vm-start vm='web server'",
           "vm-pause vm='web server'",
           "vm-suspend vm='web server'",
           "vm-reset-powerstate vm='web server'",
           "blob-create name=x",
           "vm-shutdown",
           "vm-shutdown --multiple",
           "vm-shutdown power-state=running --multiple",
           "vm-start vm=database force=perhaps",
           "vm-clone new-name-label=x --multiple",
       }) {
    s.run(line);
  }
  s.expect_golden("failures");
}

TEST(Commands, TraceSaysWhereAFailureCameFrom) {
  Scenario s;
  s.run("vm-start vm='web server' --trace nosuch=1");
  EXPECT_NE(s.transcript.find("selection.cpp:"), std::string::npos) << s.transcript;
}

TEST(Commands, EmptyUserName) {
  FakeHost host;
  FakeTerminal terminal;
  FakeDoor door(host);
  EXPECT_EQ(run_command_line({"vm-list", "username=", "password="}, door, terminal), 1);
  EXPECT_EQ(
      terminal.shown,
      "err: You need to give a user name and a password.\nFor usage run: 'xe help'\nexit 1\n");
}

TEST(Commands, GivenSessionIsUsedAsItIs) {
  FakeHost host;
  FakeTerminal terminal;
  FakeDoor door(host);
  EXPECT_EQ(run_command_line({"session_id=OpaqueRef:s", "vm-list"}, door, terminal), 0);
  EXPECT_EQ(host.logins, std::vector<std::string>{"session OpaqueRef:s"});
}

TEST(Commands, LocalCommandsLogInLocally) {
  Scenario s;
  s.host.on("host.is_in_emergency_mode", answer(false));
  s.run("host-is-in-emergency-mode");
  EXPECT_EQ(s.host.logins, std::vector<std::string>{"root local"});
  EXPECT_NE(s.transcript.find("out: false\n"), std::string::npos);
}

TEST(Commands, VmLife) {
  Scenario s;
  for (const char* method : {"VM.start", "VM.start_on", "VM.clean_shutdown", "VM.hard_shutdown",
                             "VM.set_memory", "VM.set_memory_limits", "VM.power_state_reset",
                             "VM.pool_migrate", "VM.destroy", "VM.revert"}) {
    s.host.on(method, done);
  }
  s.host.on("VM.clone", answer("OpaqueRef:db"));
  s.host.on("VM.snapshot", answer("OpaqueRef:web-snap"));
  s.host.on("VM.compute_memory_overhead", answer(std::int64_t{1048576}));
  model::MapValue messages;
  s.host.add<model::message>("note", [](model::RecordValue& r) {
    r.set(model::message::name_, "VM_STARTED");
    r.set(model::message::priority, 3);
    r.set(model::message::timestamp, {1750000000});
  });
  s.host.on("message.get",
            [](FakeHost& host, const auto&) { return host.call("message.get_all_records", {}); });
  for (const char* line : {
           "vm-start vm=database",
           "vm-start vm=database paused=true --force message-priority=2",
           "vm-start vm=database on=host1",
           "vm-start vm=database on=nosuch",
           "vm-shutdown vm='web server'",
           "vm-shutdown vm='web server' --force",
           "vm-shutdown vm='web server' force=false",
           "vm-memory-set vm=database memory=512MiB",
           "vm-memory-limits-set vm=database static-min=1 static-max=2KiB dynamic-min=0x10 "
           "dynamic-max=2000",
           "vm-memory-set vm=database memory=1.5GiB",
           "vm-clone vm='Debian 12' new-name-label=copy new-name-description='the copy'",
           "vm-snapshot vm='web server' new-name-label=s1",
           "vm-reset-powerstate vm='web server' --force",
           "vm-compute-memory-overhead vm=database",
           "vm-compute-memory-overhead --multiple power-state=halted",
           "vm-migrate vm='web server' host=host1 live=true",
           "vm-migrate vm='web server' remote-master=far remote-username=u remote-password=p",
           "snapshot-revert snapshot-uuid=nosuch",
           "snapshot-revert",
       }) {
    s.run(line);
  }
  s.expect_golden("vm_life");
}

TEST(Commands, ProgressIsDrawnWhereTheUserSeesIt) {
  Scenario s;
  s.host.on("VM.start", done);
  s.host.on("VM.clone", answer("OpaqueRef:db"));
  s.terminal.progress = true;
  s.run("vm-start vm=database");
  s.run("vm-start vm=database progress=false");
  s.run("vm-start vm=database --minimal");
  s.run("vm-clone vm=database new-name-label=x");
  s.host.on("VM.start", [](FakeHost&, const auto&) -> model::Value {
    throw Failure("HOST_NOT_ENOUGH_FREE_MEMORY", {"1", "2"});
  });
  s.run("vm-start vm=database");
  s.expect_golden("progress");
}

TEST(Commands, Install) {
  Scenario s;
  const auto web_ref = "OpaqueRef:created-vm";
  const auto make = [web_ref](FakeHost& host, const auto&) {
    host.add<model::VM>("created-vm", [](model::RecordValue& r) {
      r.set(model::VM::name_label, "new");
      r.set(model::VM::other_config, {{"disks", "x"}});
    });
    return model::Value(web_ref);
  };
  s.host.on("VM.clone", make);
  s.host.on("VM.copy", make);
  s.host.on("VM.provision", done);
  s.run("vm-install template='Debian 12' new-name-label=new");
  s.run(
      "vm-install template='Debian 12' new-name-label=new sr-name-label='Local storage' "
      "new-name-description=text --minimal");
  s.run("vm-install template='before upgrade' new-name-label=new sr-name-label='Local storage'");
  s.run("vm-install template=nosuch new-name-label=new");
  s.run("vm-install new-name-label=new");
  s.host.on("VM.destroy", done);
  s.host.on("VM.provision", [](FakeHost&, const auto&) -> model::Value {
    throw Failure("SR_FULL", {"8", "4"});
  });
  s.run("vm-install template='Debian 12' new-name-label=new");
  s.expect_golden("install");
}

TEST(Commands, Uninstall) {
  Scenario s;
  for (const char* method : {"VM.hard_shutdown", "VM.destroy", "VDI.destroy"})
    s.host.on(method, done);
  s.run("vm-uninstall vm='web server'");
  s.terminal.answer = " YES \r";
  s.run("vm-uninstall vm='web server'");
  s.run("vm-uninstall vm='web server' --force --minimal");
  s.run("snapshot-uninstall uuid=" + s.host.get(Ref<model::VM>("OpaqueRef:web"), model::VM::uuid));
  s.expect_golden("uninstall");
}

TEST(Commands, DisksAndCds) {
  Scenario s;
  for (const char* method : {"VBD.plug", "VBD.insert", "VBD.eject"}) s.host.on(method, done);
  s.host.on("VBD.create", answer("OpaqueRef:vbd-root"));
  s.host.on("VDI.create", answer("OpaqueRef:web-root"));
  s.host.on("VBD.destroy", done);
  s.host.on("VDI.destroy", done);
  for (const char* line : {
           "vm-disk-list vm='web server'",
           "vm-disk-list vm='web server' --minimal",
           "vm-disk-list vm='web server' vbd-params=device vdi-params=name-label",
           "vm-cd-list vm='web server'",
           "cd-list",
           "vm-cd-insert vm='web server' cd-name=debian.iso",
           "vm-cd-insert vm='web server' cd-name=nosuch.iso",
           "vm-cd-eject vm=database",
           "vm-cd-eject vm='web server'",
           "vm-cd-add vm=database cd-name=debian.iso device=4",
           "vm-cd-remove vm=database cd-name=debian.iso",
           "vm-disk-add vm='web server' device=2 disk-size=1GiB",
           "vm-disk-add vm='web server' device=2 disk-size=huge",
           "vm-disk-remove vm='web server' device=1",
           "vm-disk-remove vm='web server' device=9",
           "vm-vif-list vm='web server'",
       }) {
    s.run(line);
  }
  s.expect_golden("disks");
}

TEST(Commands, FailedDiskIsRemovedAgain) {
  Scenario s;
  s.host.on("VDI.create", answer("OpaqueRef:web-root"));
  s.host.on("VDI.destroy", done);
  s.host.on("VBD.create", [](FakeHost&, const auto&) -> model::Value {
    throw Failure("DEVICE_ALREADY_EXISTS", {"1"});
  });
  s.run("vm-disk-add vm='web server' device=1 disk-size=1GiB");
  ASSERT_FALSE(s.host.changes.empty());
  EXPECT_EQ(s.host.changes.back(), "VDI.destroy(web-root)");
}

TEST(Commands, RecordsAndMaps) {
  Scenario s;
  const auto uuid = [&](const std::string& name, auto cls) {
    return s.host.get(Ref<decltype(cls)>("OpaqueRef:" + name), decltype(cls)::uuid);
  };
  for (const char* method :
       {"VBD.create", "VDI.create", "VIF.create", "network.create", "PBD.create"}) {
    const auto row = std::string(method);
    const std::string known = row == "VBD.create"   ? "vbd-root"
                              : row == "VDI.create" ? "web-root"
                              : row == "VIF.create" ? "vif"
                              : row == "PBD.create" ? "pbd-iso"
                                                    : "network";
    s.host.on(method, answer("OpaqueRef:" + known));
  }
  s.host.on("SR.create", answer("OpaqueRef:sr-local"));
  s.host.on("SR.probe", answer("<xml/>"));
  s.host.on("VDI.resize", done);
  s.host.on("VDI.resize_online", done);
  s.host.on("host.call_plugin", answer("plugin says hello"));
  s.host.on("message.destroy_many", done);
  s.terminal.files["script.sh"] = "content\n";
  const std::string vm = uuid("web", model::VM{});
  const std::string sr = uuid("sr-local", model::SR{});
  const std::string vdi = uuid("web-root", model::VDI{});
  const std::string network = uuid("network", model::network{});
  const std::string host = uuid("host1", model::host{});
  for (const std::string& line : {
           "vbd-create vm-uuid=" + vm + " device=5 vdi-uuid=" + vdi + " mode=ro bootable=yes",
           "vbd-create vm-uuid=" + vm + " device=6 type=cd",
           "vbd-create vm-uuid=" + vm + " device=6 type=tape",
           "vdi-create sr-uuid=" + sr + " name-label=d virtual-size=8GiB type=user tags:a= tags:b=",
           "vif-create vm-uuid=" + vm + " network-uuid=" + network + " device=1 mac=random",
           std::string("network-create name-label=inner"),
           "pbd-create host-uuid=" + host + " sr-uuid=" + sr + " device-config:location=/x",
           std::string("sr-create name-label=s type=file device-config:location=/srv/a=b "
                       "device-config-old=spelling shared=false"),
           std::string("sr-probe type=nfs device-config:server=10.0.0.9"),
           "vdi-resize uuid=" + vdi + " disk-size=16GiB",
           "vdi-resize uuid=" + vdi + " disk-size=16GiB online=true",
           "host-call-plugin host-uuid=" + host + " plugin=p fn=f args:x=1 args:y:file=script.sh",
           "host-call-plugin host-uuid=" + host + " plugin=p fn=f args:y:file=missing",
           std::string("sr-scan uuid=") + sr,
           std::string("message-create name=n priority=3 body=b"),
       }) {
    s.run(line);
  }
  s.expect_golden("records");
}

TEST(Commands, Transfers) {
  Scenario s;
  const auto task_of = [](const std::string& url) {
    const auto at = url.find("task_id=OpaqueRef%3a");
    return "OpaqueRef:" + url.substr(at + 20, url.find('&', at) - at - 20);
  };
  const auto ending = [&](const std::string& xml) {
    return [&s, task_of, xml](const std::string& url) {
      s.host.progress_task(task_of(url), 0);
      s.host.finish_task(task_of(url), xml);
      return true;
    };
  };
  s.terminal.transfer = ending("");
  s.run("vm-export vm='web server' filename=out.xva compress=true preserve-power-state=true");
  s.run("vm-export vm='web server' filename=meta metadata=true --minimal");
  s.terminal.transfer = ending(
      "<value><array><data><value>OpaqueRef:web</value><value>OpaqueRef:db</value></data></array>"
      "</value>");
  s.run("vm-import filename=in.xva preserve=true");
  s.run("vm-import filename=in.xva --minimal");
  s.terminal.transfer = ending("");
  const std::string vdi = s.host.get(Ref<model::VDI>("OpaqueRef:web-root"), model::VDI::uuid);
  s.run("vdi-export uuid=" + vdi + " filename=d.qcow2 format=qcow2");
  s.run("vdi-import uuid=" + vdi + " filename=d.raw");
  // The handler reports a failure; the client says that all went well.
  s.terminal.transfer = [&](const std::string& url) {
    s.host.progress_task(task_of(url), 0);
    s.host.fail_task(task_of(url), {"SR_FULL", "8", "4"});
    return true;
  };
  s.run("vdi-import uuid=" + vdi + " filename=d.raw");
  // Nobody took over, and the client failed.
  s.terminal.transfer = [](const std::string&) { return false; };
  s.run("vdi-export uuid=" + vdi + " filename=d.raw");
  // The client failed, but the handler knows better why.
  s.terminal.transfer = [&](const std::string& url) {
    s.host.progress_task(task_of(url), 0);
    s.host.fail_task(task_of(url), {"VDI_IO_ERROR", "disk"});
    return false;
  };
  s.run("vdi-export uuid=" + vdi + " filename=d.raw");
  s.terminal.transfer = nullptr;
  s.run("console vm='web server'");
  s.run("console vm=database");
  s.terminal.transfer = [](const std::string&) { return false; };
  s.run("console vm='web server'");
  s.expect_golden("transfers");
}

TEST(Commands, EventWaitEndsWithItsUser) {
  Scenario s;
  FakeDoor door(s.host);
  s.terminal.gone = true;
  EXPECT_EQ(run_command_line({"event-wait", "class=vm", "name-label=nosuch", "username=root"}, door,
                             s.terminal),
            1);
  EXPECT_EQ(s.terminal.shown, "");
}

TEST(Commands, EventWaitEndsWithTheEvent) {
  Scenario s;
  const Ref<model::VM> db("OpaqueRef:db");
  FakeDoor door(s.host);
  // Already true: ends at once.
  EXPECT_EQ(run_command_line({"event-wait", "class=vm", "name-label=database", "power-state=halted",
                              "username=root"},
                             door, s.terminal),
            0);
  const auto start = std::chrono::steady_clock::now();
  std::jthread changer([&] { s.host.call("VM.set_name_label", {db.str(), "renamed"}); });
  EXPECT_EQ(run_command_line({"event-wait", "class=vm", "name-label=renamed",
                              "power-state=/=running", "username=root"},
                             door, s.terminal),
            0);
  // Less than the time after which a wait looks again by itself.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(4));
  EXPECT_EQ(run_command_line({"event-wait", "class=nosuch", "username=root"}, door, s.terminal), 1);
}

}  // namespace
}  // namespace xcp::cli::testing
