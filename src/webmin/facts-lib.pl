# The panel's configuration, which the app gets with each request. It needs nothing of Webmin's library, so that
# commands can use it.
use strict;
use warnings;
use Digest::SHA ();
use File::Basename qw(dirname);
use MIME::Base64 ();

require(dirname(__FILE__) . '/system-lib.pl');

# Keys of the module's configuration that the app does not get as they are.
my %panel_only = map { $_ => 1 } qw(socket by_domain);

# module_settings(config-folder, module-folder) Returns the module's configuration as a hash: the defaults of the package,
# overridden by the configuration of this host.
sub module_settings {
    my ($config_folder, $module_folder) = @_;
    return (read_values("$module_folder/config"), read_values("$config_folder/virtualmin-mail-setup/config"));
}

# settings_text(settings, ...) Returns the configuration in the format of a settings file. The settings for single domains
# are in one key, by_domain, whose lines Webmin's form joins with tabs.
sub settings_text {
    my (%settings) = @_;
    my @general = map { "$_=$settings{$_}" } grep { !$panel_only{$_} } sort keys %settings;
    return join("\n", @general, split(/\t/, $settings{'by_domain'} // ''));
}

# local_address(%miniserv) Returns the address at which this machine can connect to the panel, according to miniserv.conf.
sub local_address {
    my (%server) = @_;
    my $bind = $server{'bind'} || '';
    # "::" is every address of IPv6, and none of IPv4.
    return '::1' if $bind eq '::';
    return $bind eq '' || $bind eq '0.0.0.0' ? '127.0.0.1' : $bind;
}

# certificate_file(%miniserv) Returns the file of the certificate that the panel presents at its local address. There can be
# one for each address, in ipcert_ADDRESS,NAME,... (miniserv.pl, get_ssl_context).
sub certificate_file {
    my (%server) = @_;
    my $address = local_address(%server);
    for my $key (sort grep { /^ipcert_/ } keys %server) {
        return $server{$key} if grep { $_ eq $address } split(/,/, $key =~ s/^ipcert_//r);
    }
    return $server{'certfile'} || $server{'keyfile'};
}

# certificate_fingerprint(config-folder) Returns the SHA-256 fingerprint of the panel's certificate, in OpenSSL's notation;
# nothing if the panel does not use TLS.
sub certificate_fingerprint {
    my ($config_folder) = @_;
    my %server = read_values("$config_folder/miniserv.conf");
    return if !$server{'ssl'};
    open(my $file, '<', certificate_file(%server) || '/nonexistent') or return;
    my $text = do { local $/; <$file> };
    my ($base64) = $text =~ /-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----/s or return;
    return join(':', map { uc } Digest::SHA::sha256_hex(MIME::Base64::decode_base64($base64)) =~ /../g);
}

# panel_facts(config-folder, module-folder) Returns the panel's configuration for the app, as a hash reference:
# settings (text) and certificate (fingerprint, or undef).
sub panel_facts {
    my ($config_folder, $module_folder) = @_;
    return {
        'settings'    => settings_text(module_settings($config_folder, $module_folder)),
        'certificate' => scalar(certificate_fingerprint($config_folder)),
    };
}

1;
