//! Certificates for one run of the tests, made anew each time: nothing secret is kept, and nothing can expire.

use std::fs;
use std::path::{Path, PathBuf};

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};
use openssl::symm::Cipher;
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509NameBuilder};

/// What the clients' keys are encrypted with.
pub const KEY_PASSWORD: &str = "opens-the-key-5b21";

/// PEM files in a folder:
/// * `ca.pem`, which signed all but the strangers
/// * `server.keystore.pem`, for localhost and 127.0.0.1, and `elsewhere.keystore.pem`, for another host, as Kafka wants
///   them: key and chain in one file
/// * `client.pem` with `client.key`, which is encrypted, and `client.plain.key`, which is not; all of it in `client.p12`
/// * `strange-ca.pem`, which nobody trusts, and the same files of a `stranger`, whom it signed
pub struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    pub fn make(folder: &Path) -> Certificates {
        let write = |name: &str, contents: &[u8]| {
            fs::write(folder.join(name), contents).expect("the directory can be written to");
        };
        let made: Result<(), ErrorStack> = (|| {
            let authority = Signed::authority("karrow test authority")?;
            write("ca.pem", &authority.certificate.to_pem()?);
            for (name, hosts) in [("server", &["localhost", "127.0.0.1"][..]), ("elsewhere", &["elsewhere.example"])] {
                let server = Signed::by(&authority, hosts[0], hosts)?;
                let pem = [server.key.private_key_to_pem_pkcs8()?, server.certificate.to_pem()?];
                write(&format!("{name}.keystore.pem"), &pem.concat());
            }
            let stranger = Signed::authority("somebody else's authority")?;
            write("strange-ca.pem", &stranger.certificate.to_pem()?);
            for (name, by) in [("client", &authority), ("stranger", &stranger)] {
                let client = Signed::by(by, &format!("karrow test {name}"), &[])?;
                write(&format!("{name}.pem"), &client.certificate.to_pem()?);
                write(&format!("{name}.plain.key"), &client.key.private_key_to_pem_pkcs8()?);
                let (key, certificate) = (&client.key, &client.certificate);
                let encrypted =
                    key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), KEY_PASSWORD.as_bytes())?;
                write(&format!("{name}.key"), &encrypted);
                let both = Pkcs12::builder().name(name).pkey(key).cert(certificate).build2(KEY_PASSWORD)?;
                write(&format!("{name}.p12"), &both.to_der()?);
            }
            Ok(())
        })();
        made.unwrap_or_else(|error| panic!("OpenSSL makes no certificate: {error}"));
        Certificates { folder: folder.to_owned() }
    }

    pub fn path(&self, name: &str) -> String {
        let path = self.folder.join(name);
        assert!(path.exists(), "there is no {name}");
        path.into_os_string().into_string().expect("paths of temporary files are UTF-8")
    }
}

struct Signed {
    key: PKey<Private>,
    certificate: X509,
}

impl Signed {
    fn authority(name: &str) -> Result<Signed, ErrorStack> {
        Signed::make(name, None, |builder, _| {
            builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
            builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build()?)
        })
    }

    /// A certificate for these hosts, names or addresses; a client's needs none.
    fn by(authority: &Signed, name: &str, hosts: &[&str]) -> Result<Signed, ErrorStack> {
        Signed::make(name, Some(authority), |builder, authority| {
            builder.append_extension(BasicConstraints::new().build()?)?;
            builder.append_extension(KeyUsage::new().digital_signature().build()?)?;
            builder.append_extension(ExtendedKeyUsage::new().server_auth().client_auth().build()?)?;
            if hosts.is_empty() {
                return Ok(());
            }
            let mut names = SubjectAlternativeName::new();
            for host in hosts {
                let address = host.parse::<std::net::IpAddr>().is_ok();
                if address {
                    names.ip(host)
                } else {
                    names.dns(host)
                };
            }
            let names = names.build(&builder.x509v3_context(authority, None))?;
            builder.append_extension(names)
        })
    }

    fn make(
        name: &str,
        authority: Option<&Signed>,
        extend: impl FnOnce(&mut X509Builder, Option<&openssl::x509::X509Ref>) -> Result<(), ErrorStack>,
    ) -> Result<Signed, ErrorStack> {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        let key = PKey::from_ec_key(EcKey::generate(&group)?)?;
        let mut subject = X509NameBuilder::new()?;
        subject.append_entry_by_nid(Nid::COMMONNAME, name)?;
        let subject = subject.build();
        let mut serial = BigNum::new()?;
        serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
        let mut builder = X509::builder()?;
        builder.set_version(2)?;
        builder.set_serial_number(&*serial.to_asn1_integer()?)?;
        builder.set_subject_name(&subject)?;
        builder.set_issuer_name(authority.map_or(&*subject, |authority| authority.certificate.subject_name()))?;
        // A clock that has just been set back does no harm.
        builder.set_not_before(&*Asn1Time::from_unix(now_s() - 3600)?)?;
        builder.set_not_after(&*Asn1Time::days_from_now(7)?)?;
        builder.set_pubkey(&key)?;
        extend(&mut builder, authority.map(|authority| &*authority.certificate))?;
        builder.sign(authority.map_or(&key, |authority| &authority.key), MessageDigest::sha256())?;
        Ok(Signed { key, certificate: builder.build() })
    }
}

fn now_s() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is later than 1970");
    since.as_secs().try_into().expect("it is earlier than the end of time")
}
