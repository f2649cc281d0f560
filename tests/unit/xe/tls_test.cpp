// SPDX-License-Identifier: GPL-2.0-or-later
// TLS against a server with a certificate made here: any certificate is taken by default, the right
// one only with a CA file.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <filesystem>
#include <thread>

#include "base/failure.hpp"
#include "fake_server.hpp"
#include "xe/transport.hpp"

namespace xcp::xe {
namespace {

struct Certificate {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* cert = X509_new();

  Certificate() {
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_version(cert, 2);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    X509_EXTENSION* names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
    X509_add_ext(cert, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(cert, key, EVP_sha256());
  }
  ~Certificate() {
    X509_free(cert);
    EVP_PKEY_free(key);
  }
  void save(const std::string& path) const {
    FILE* file = fopen(path.c_str(), "w");
    PEM_write_X509(file, cert);
    fclose(file);
  }
};

// Accepts connections, drops the first `drops` before TLS, echoes one line on the others.
class TlsServer {
 public:
  explicit TlsServer(int connections, int drops = 0) {
    context_ = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(context_, certificate.cert);
    SSL_CTX_use_PrivateKey(context_, certificate.key);
    listener_.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size);
    listen(listener_.get(), 5);
    getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    thread_ = std::thread([this, connections, drops] {
      for (int i = 0; i < connections; ++i) {
        UniqueFd fd(accept(listener_.get(), nullptr, nullptr));
        if (i >= drops) echo(fd.get());
      }
    });
  }
  ~TlsServer() {
    thread_.join();
    SSL_CTX_free(context_);
  }
  Target target() const { return {Target::Kind::Tls, "127.0.0.1", port}; }

  Certificate certificate;
  int port = 0;

 private:
  void echo(int fd) {
    SSL* ssl = SSL_new(context_);
    SSL_set_fd(ssl, fd);
    char buffer[16384];
    int count = 0;
    if (SSL_accept(ssl) == 1) {
      while ((count = SSL_read(ssl, buffer, sizeof buffer)) > 0) SSL_write(ssl, buffer, count);
    }
    SSL_shutdown(ssl);
    SSL_free(ssl);
  }

  SSL_CTX* context_ = nullptr;
  UniqueFd listener_;
  std::thread thread_;
};

Connection open(const Target& target, const std::string& ca_file = {}) {
  return Connector(ca_file, [](const std::string&) {}).open({target});
}

TEST(XeTls, AnyCertificateIsTakenAndBytesComeBack) {
  TlsServer server(1);
  Connection connection = open(server.target());
  const std::string data(100000, 'x');
  for (std::size_t at = 0; at < data.size(); at += 10000) {
    connection.write_all(data.substr(at, 10000));
    EXPECT_EQ(connection.read_exactly(10000), data.substr(at, 10000));
  }
  char c = 0;
  EXPECT_EQ(connection.read_some(&c, 1, Milliseconds(0)), std::nullopt);
  connection.finish();
  EXPECT_EQ(connection.read_some(&c, 1), 0u);
}

TEST(XeTls, DroppedHandshakesAreTriedAgain) {
  TlsServer server(3, 2);
  Connection connection = open(server.target());
  connection.write_all("ping");
  EXPECT_EQ(connection.read_exactly(4), "ping");
}

TEST(XeTls, CaFileIsObeyed) {
  std::string directory = "/tmp/xe-test-XXXXXX";
  ASSERT_TRUE(mkdtemp(directory.data()));
  {
    TlsServer server(2);
    server.certificate.save(directory + "/right.pem");
    Certificate().save(directory + "/wrong.pem");
    EXPECT_NO_THROW(open(server.target(), directory + "/right.pem"));
    try {
      open(server.target(), directory + "/wrong.pem");
      ADD_FAILURE() << "a foreign certificate was accepted";
    } catch (const Failure& failure) {
      EXPECT_THAT(failure.params().front(), testing::HasSubstr("certificate verify failed"));
    }
  }
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace xcp::xe
