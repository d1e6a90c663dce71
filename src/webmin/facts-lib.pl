# How the panel is set up, as the app is told with each request. It needs nothing of Webmin's library, so that
# commands can use it.
use strict;
use warnings;
use Digest::SHA ();
use MIME::Base64 ();

# What of the module's configuration is for this side alone.
my %not_for_the_app = map { $_ => 1 } qw(socket by_domain);

# read_values(file) Returns the pairs of a file of key=value lines, as a hash; none where there is no such file.
sub read_values {
    my ($path) = @_;
    open(my $file, '<', $path) or return ();
    return map { /^\s*([^#=\s][^=]*?)\s*=(.*?)\r?$/ ? ($1, $2) : () } <$file>;
}

# module_settings(config-folder, module-folder) Returns the module's configuration, as a hash: the package's, with the host's.
sub module_settings {
    my ($config_folder, $module_folder) = @_;
    return (read_values("$module_folder/config"), read_values("$config_folder/virtualmin-mail-setup/config"));
}

# settings_text(settings, ...) Returns the configuration as a settings file has it. What is for one domain stands in
# one setting, whose lines a form joins with tabs.
sub settings_text {
    my (%settings) = @_;
    my @own = map { "$_=$settings{$_}" } grep { !$not_for_the_app{$_} } sort keys %settings;
    return join("\n", @own, split(/\t/, $settings{'by_domain'} // ''));
}

# own_address(%miniserv) Returns the address at which the panel can be asked from this machine, by its miniserv.conf.
sub own_address {
    my (%server) = @_;
    my $bind = $server{'bind'} || '';
    # "::" is every address of IPv6, and none of IPv4.
    return '::1' if $bind eq '::';
    return $bind eq '' || $bind eq '0.0.0.0' ? '127.0.0.1' : $bind;
}

# certificate_file(%miniserv) Returns the file with the certificate that the panel shows at its own address: it can have
# another one for each address, in ipcert_ADDRESS,NAME,... (miniserv.pl, get_ssl_context).
sub certificate_file {
    my (%server) = @_;
    my $address = own_address(%server);
    for my $key (sort grep { /^ipcert_/ } keys %server) {
        return $server{$key} if grep { $_ eq $address } split(/,/, $key =~ s/^ipcert_//r);
    }
    return $server{'certfile'} || $server{'keyfile'};
}

# certificate_fingerprint(config-folder) Returns the SHA-256 of the certificate that the panel shows, as OpenSSL prints it;
# nothing where it speaks no TLS.
sub certificate_fingerprint {
    my ($config_folder) = @_;
    my %server = read_values("$config_folder/miniserv.conf");
    return if !$server{'ssl'};
    open(my $file, '<', certificate_file(%server) || '/nonexistent') or return;
    my $text = do { local $/; <$file> };
    my ($base64) = $text =~ /-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----/s or return;
    return join(':', map { uc } Digest::SHA::sha256_hex(MIME::Base64::decode_base64($base64)) =~ /../g);
}

# facts(config-folder, module-folder) Returns what the app is told of the panel, as a hash reference.
sub facts {
    my ($config_folder, $module_folder) = @_;
    return {
        'settings'    => settings_text(module_settings($config_folder, $module_folder)),
        'certificate' => scalar(certificate_fingerprint($config_folder)),
    };
}

# node_trouble() Returns the text for what is wrong with this system's Node.js; nothing where it will do.
sub node_trouble {
    my ($major, $minor) = (`node --version 2>/dev/null` // '') =~ /^v(\d+)\.(\d+)/;
    return 'bridge_no_node' if !defined($major);
    return 'bridge_old_node' if $major < 18 || ($major == 18 && $minor < 19);
    return;
}

# node_command() Returns the command that installs Node.js on this system.
sub node_command {
    return -x '/usr/bin/apt-get' ? 'apt-get install nodejs' : 'dnf module install nodejs:20 || dnf install nodejs';
}

# random_hex(bytes) Returns so many random bytes of the system, as hex.
sub random_hex {
    my ($bytes) = @_;
    open(my $random, '<:raw', '/dev/urandom') or die "/dev/urandom: $!";
    read($random, my $read, $bytes) == $bytes or die '/dev/urandom gives too little';
    return unpack('H*', $read);
}

# write_secret(file, text) Writes a file that its owner alone can read, whole or not at all.
sub write_secret {
    my ($path, $text) = @_;
    my $umask = umask(0077);
    open(my $file, '>', "$path.new") or die "$path.new: $!";
    print {$file} $text;
    close($file) or die "$path.new: $!";
    rename("$path.new", $path) or die "$path: $!";
    umask($umask);
}

1;
