# A stand-in for those functions of Webmin's library that the module uses (docs/webmin-contract.md lists them). It stores
# everything in the same files as the real library, under $WEBMIN_CONFIG: miniserv.conf names the folder of the modules (root)
# and the file of the users (userfile).
package WebminCore;
use strict;
use warnings;
use File::Path ();
use JSON::PP ();
use Exporter 'import';

our @EXPORT = qw(
    init_config foreign_require foreign_available get_webprefix module_root_directory html_escape urlize un_urlize
    ui_print_header ui_print_footer ui_table_row ui_yesno_radio webmin_log text
    get_module_acl save_module_acl reload_miniserv restart_miniserv has_command
    lock_file unlock_file read_file write_file write_file_contents unlink_file acl_filename read_file_lines unflush_file_lines
);

# How often reload_miniserv() was called.
our $reloads = 0;

# How often restart_miniserv() was called.
our $restarts = 0;

# The files that are locked now.
our %locked;

sub config_directory { return $ENV{'WEBMIN_CONFIG'} // die 'WEBMIN_CONFIG is not set' }

sub miniserv { my %values; read_file(config_directory() . '/miniserv.conf', \%values); return %values }

sub general { my %values; read_file(config_directory() . '/config', \%values); return %values }

sub remote_user { return $ENV{'BASE_REMOTE_USER'} || $ENV{'REMOTE_USER'} || 'root' }

# Ends a CGI with an error page if its user does not have the module (web-lib-funcs.pl, init_config).
sub init_config {
    my $package = caller();
    (my $module = $package) =~ s/^main$/virtualmin-mail-setup/;
    $module =~ tr/_/-/;
    my %general  = general();
    my $language = $general{ 'lang_' . ($ENV{'REMOTE_USER'} // '') } || $general{ 'lang_' . remote_user() } || $general{'lang'} || 'en';
    my %text = ('index' => 'Webmin index');
    for my $name ('en', $language =~ s/\.UTF-8$//r) {
        read_file(module_root_directory($module) . "/lang/$name", \%text);
    }
    my %config;
    read_file(config_directory() . "/$module/config", \%config);
    no strict 'refs'; ## no critic (TestingAndDebugging::ProhibitProlongedStrictureOverride)
    ${"${package}::module_name"}             = $module;
    ${"${package}::remote_user"}             = $ENV{'REMOTE_USER'} || 'root';
    ${"${package}::base_remote_user"}        = remote_user();
    ${"${package}::current_lang"}            = $language;
    ${"${package}::config_directory"}        = config_directory();
    ${"${package}::module_config_directory"} = config_directory() . "/$module";
    ${"${package}::module_var_directory"}    = config_directory() . "/var/$module";
    mkdir($_) for config_directory() . '/var', ${"${package}::module_var_directory"};
    %{"${package}::config"} = %config;
    %{"${package}::text"}   = %text;
    no warnings 'once';
    # Programs that are run do not get the session's id (web-lib-funcs.pl, init_config).
    $main::session_id = delete($ENV{'SESSION_ID'}) if exists($ENV{'SESSION_ID'});
    if ($ENV{'MINISERV_CONFIG'} && !$main::no_acl_check && !$ENV{'FOREIGN_MODULE_NAME'} && !foreign_available($module)) {
        error("Access denied : User " . remote_user() . " is not allowed to use the $module module");
    }
}

# error(message) Dies with $main::error_must_die and outside a CGI; otherwise prints a page and exits (web-lib-funcs.pl, error).
sub error {
    my ($message) = @_;
    no warnings 'once';
    die "$message\n" if $main::error_must_die || !$ENV{'MINISERV_CONFIG'};
    print "Content-type: text/html\n\n<h3>Error</h3>$message\n";
    exit(1);
}

sub text {
    my ($key, @values) = @_;
    no strict 'refs';
    my $text = ${ caller() . '::text' }{$key} // die "no text for $key";
    $text =~ s/\$(\d)/$values[$1 - 1]/g;
    return $text;
}

# Loads a file once, into the package of its module (web-lib-funcs.pl, foreign_require).
sub foreign_require {
    my ($module, $file) = @_;
    (my $package = $module) =~ tr/-/_/;
    no warnings 'once';
    return 1 if $main::done_foreign_require{ $package, $file }++;
    return 1 if $module eq 'acl';
    local $ENV{'FOREIGN_MODULE_NAME'} = $module;
    local @INC = (module_root_directory($module), @INC);
    my $path = module_root_directory($module) . "/$file";
    eval "package $package; do '$path' || die \$@ || \$!; 1" ## no critic (BuiltinFunctions::ProhibitStringyEval)
        or error("Require $module/$file failed : $@");
    return 1;
}

# Returns whether the user has this module, or "*", and in Usermin no restriction takes it away (web-lib-funcs.pl,
# foreign_available, available_usermods; of the restrictions, the stand-in has those for "*" and for one user).
sub foreign_available {
    my ($module) = @_;
    return 0 if !-e module_root_directory($module) . '/module.info';
    read_acl();
    return 0 if !grep { $_ eq $module || $_ eq '*' } @{ $main::acl_array_cache{ remote_user() } || [] };
    my $available = 1;
    open(my $file, '<', config_directory() . '/usermin.mods') or return 1;
    while (defined(my $line = <$file>)) {
        my ($user, $sign, $modules) = $line =~ /^([^:]+):([+-]|):(.*)/ or next;
        next if $user ne '*' && $user ne ($ENV{'REMOTE_USER'} // '');
        my $named = grep { $_ eq $module } split(' ', $modules);
        $available = $sign eq '+' ? $available || $named : $sign eq '-' ? $available && !$named : $named;
    }
    return $available ? 1 : 0;
}

# Reads the modules of users, once for the life of the process (web-lib-funcs.pl, read_acl).
sub read_acl {
    return if %main::acl_hash_cache;
    open(my $file, '<', config_directory() . '/webmin.acl') or return;
    while (defined(my $line = <$file>)) {
        my ($user, $modules) = $line =~ /^([^:]+):\s*(.*)/ or next;
        my @modules = split(/\s+/, $modules);
        $main::acl_hash_cache{ $user, $_ }++ for @modules;
        $main::acl_array_cache{$user} = \@modules;
    }
}

sub get_webprefix { my %general = general(); return $general{'webprefix'} // '' }

sub module_root_directory { my %miniserv = miniserv(); return "$miniserv{'root'}/$_[0]" }

sub html_escape {
    my ($text) = @_;
    my %names = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;', '"' => '&quot;', "'" => '&#39;');
    $text =~ s/([&<>"'])/$names{$1}/g;
    return $text;
}

sub urlize {
    my ($text) = @_;
    $text =~ s/([^A-Za-z0-9])/sprintf('%%%02X', ord($1))/ge;
    return $text;
}

# A plus sign becomes a space (web-lib-funcs.pl, un_urlize).
sub un_urlize {
    my ($text) = @_;
    $text =~ tr/+/ /;
    $text =~ s/%(..)/pack('C', hex($1))/ge;
    return $text;
}

# Prints its own headers before the page; their lines end with a line feed only (web-lib-funcs.pl, PrintHeader). Links to a
# help page if it gets the name of one (header).
sub ui_print_header {
    my ($subtitle, $title, undef, $help) = @_;
    print "X-Frame-Options: SAMEORIGIN\n", "Content-type: text/html; Charset=UTF-8\n\n<panel title=\"$title\">\n";
    print "<subtitle>$subtitle</subtitle>\n" if defined($subtitle);
    print "<help page=\"$help\">\n" if defined($help);
}

# ui_print_footer(address, text, ...) Prints a link for each pair (web-lib-funcs.pl, footer).
sub ui_print_footer {
    my @links = @_;
    while (my ($address, $text) = splice(@links, 0, 2)) {
        $address = get_webprefix() . $address if $address =~ m{^/};
        print "<a class=\"return\" href=\"$address\">Return to $text</a>\n";
    }
    print "</panel>\n";
}

sub ui_table_row { return "<tr><td>$_[0]</td><td>$_[1]</td></tr>\n" }

sub ui_yesno_radio { return "<input name=$_[0] value=$_[1]>" }

# Writes to a file of the stand-in's own, one JSON array per line.
sub webmin_log {
    my ($action, $type, $object, $params) = @_;
    open(my $file, '>>', config_directory() . '/actions') or die $!;
    print {$file} JSON::PP->new->canonical->encode([ $action, $type, $object, $params ]), "\n";
    close($file);
}

# Returns the module's defaults, overridden by the user's access control. The user may not have the module at all
# (web-lib-funcs.pl, get_module_acl).
sub get_module_acl {
    my ($user, $module) = @_;
    $user   //= remote_user();
    $module //= 'virtualmin-mail-setup';
    my %access;
    read_file(module_root_directory($module) . '/defaultacl', \%access) if $module ne '';
    read_file(acl_file($user, $module), \%access);
    return %access;
}

sub acl_file { my ($user, $module) = @_; return config_directory() . ($module eq '' ? '' : "/$module") . "/$user.acl" }

sub save_module_acl {
    my ($access, $user, $module) = @_;
    my $path = acl_file($user, $module);
    mkdir(config_directory() . "/$module") if $module ne '';
    local $locked{$path} = 1;
    write_file($path, $access);
}

# MiniServ starts again at SIGHUP, and loads everything anew (miniserv.pl).
sub restart_miniserv { $restarts++; return }

# MiniServ reads its configuration and users again at SIGUSR1 (miniserv.pl).
sub reload_miniserv {
    $reloads++;
    my %miniserv = miniserv();
    open(my $file, '<', $miniserv{'pidfile'} // '/nonexistent') or return;
    kill('USR1', int(<$file>));
}

sub has_command { my ($name) = @_; return (grep { -x } map { "$_/$name" } split(/:/, $ENV{'PATH'}))[0] }

# Returns 0 if this process has locked the file already (web-lib-funcs.pl, lock_file).
sub lock_file { return $locked{ $_[0] }++ ? 0 : 1 }

sub unlock_file { delete($locked{ $_[0] }) }

# read_file(path, &values) Adds the values of a file to a hash; returns whether it could be read (web-lib-funcs.pl, read_file).
sub read_file {
    my ($path, $values) = @_;
    open(my $file, '<', $path) or return 0;
    while (defined(my $line = <$file>)) {
        $values->{$1} = $2 if $line =~ /^([^#=]+)=([^\r\n]*)/;
    }
    return 1;
}

sub write_file {
    my ($path, $values) = @_;
    die "$path is not locked" if !$locked{$path};
    open(my $file, '>', $path) or die "$path: $!";
    print {$file} map { "$_=" . ($values->{$_} // '') . "\n" } sort keys %$values;
}

sub write_file_contents {
    my ($path, $text) = @_;
    die "$path is not locked" if !$locked{$path};
    open(my $file, '>', $path) or die "$path: $!";
    print {$file} $text;
}

# read_file_lines(path) Returns the lines of a file as a reference, without their ends. They stay in %main::file_cache, and can be
# changed there (web-lib-funcs.pl, read_file_lines).
sub read_file_lines {
    my ($path) = @_;
    return $main::file_cache{$path} if $main::file_cache{$path};
    open(my $file, '<', $path) or return $main::file_cache{$path} = [];
    chomp(my @lines = <$file>);
    return $main::file_cache{$path} = \@lines;
}

sub unflush_file_lines { my ($path) = @_; delete($main::file_cache{$path}) }

sub acl_filename { return config_directory() . '/webmin.acl' }

# Returns 1 or 0, and in a list the error (web-lib-funcs.pl, unlink_file).
sub unlink_file {
    my ($path) = @_;
    File::Path::remove_tree($path, { 'error' => \my $errors });
    my $removed = -e $path ? 0 : 1;
    return wantarray ? ($removed, join(' ', map { values(%$_) } @$errors)) : $removed;
}

# Webmin's users: MiniServ's file has their names, passwords and addresses, webmin.acl their modules (acl/acl-lib.pl).
package acl; ## no critic (Modules::ProhibitMultiplePackages)

sub _userfile { my %miniserv = WebminCore::miniserv(); return $miniserv{'userfile'} }

# Webmin's configuration, read once and written back as a whole (web-lib-funcs.pl, init_config; acl-lib.pl, modify_user).
our %gconfig;

sub _general { %gconfig = WebminCore::general() if !%gconfig; return \%gconfig }

sub list_users {
    WebminCore::read_acl();
    my %general = %{ _general() };
    open(my $file, '<', _userfile()) or return ();
    my @users;
    while (defined(my $line = <$file>)) {
        chomp($line);
        my ($name, $pass, undef, undef, $limit) = split(/:/, $line);
        my %user = ('name' => $name, 'pass' => $pass, 'modules' => $main::acl_array_cache{$name});
        # The colons of an IPv6 address are stored as semicolons.
        if (($limit // '') =~ /^(allow|deny)\s+(.*)/) { $user{$1} = $2 =~ tr/;/:/r }
        $user{'readonly'} = $general{"readonly_$name"} if defined($general{"readonly_$name"});
        push(@users, \%user);
    }
    return @users;
}

# _write_users(users) Writes all users. The cache of read_acl() stays as it is.
sub _write_users {
    my (@users) = @_;
    my $general = _general();
    open(my $file, '>', _userfile()) or die $!;
    open(my $acl, '>', WebminCore::config_directory() . '/webmin.acl') or die $!;
    for my $user (@users) {
        my ($limit) = grep { $user->{$_} } qw(allow deny);
        print {$file} join(':', $user->{'name'}, $user->{'pass'}, '', '', $limit ? "$limit " . ($user->{$limit} =~ tr/:/;/r) : ''), ":\n";
        print {$acl} "$user->{'name'}: @{ $user->{'modules'} || [] }\n";
        $general->{"readonly_$user->{'name'}"} = $user->{'readonly'} if defined($user->{'readonly'});
    }
    my $path = WebminCore::config_directory() . '/config';
    local $WebminCore::locked{$path} = 1;
    WebminCore::write_file($path, $general);
}

sub _fresh_users { local (%main::acl_hash_cache, %main::acl_array_cache); return list_users() }

sub create_user { my ($user) = @_; _write_users(_fresh_users(), $user) }

sub modify_user {
    my ($name, $user) = @_;
    _write_users(map { $_->{'name'} eq $name ? $user : $_ } _fresh_users());
}

sub delete_user { my ($name) = @_; _write_users(grep { $_->{'name'} ne $name } _fresh_users()) }

sub encrypt_password { return crypt($_[0], '$6$somesalt') }

1;
