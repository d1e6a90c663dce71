# A stand-in for those functions of Virtualmin's library that the module uses (docs/webmin-contract.md lists them). It stores
# domains, templates and extra admins in files in the folder of Virtualmin's configuration, as the real library does. It acts
# as Virtualmin 8.1.0, or as the development version of 8.2 if remote.cgi is the one of that version: it sets
# $main::allow_rpc_only.
package virtual_server; ## no critic (Modules::RequireFilenameMatchesPackage)
use strict;
use warnings;
use WebSites;
use WebminCore;

our (%config, %access, @plugins, @list_templates_cache, $module_name, $config_directory, $module_config_directory, $base_remote_user);
our (%text, $remote_user, $current_lang);

# How often some functions were called, by name.
our %calls;

init_config();
%access = get_module_acl(undef, 'virtual-server');
generate_plugins_list($config{'plugins'} // '');

sub _is_8_2 {
    open(my $file, '<', module_root_directory('virtual-server') . '/remote.cgi') or die $!;
    return scalar(grep { /allow_rpc_only/ && !/if/ } <$file>);
}

# Leaves out modules that are not installed (virtual-server-lib.pl, generate_plugins_list).
sub generate_plugins_list {
    my ($list) = @_;
    @plugins = grep { -e module_root_directory($_) . '/module.info' } split(/\s+/, $list);
}

# _call_plugin(module, function, arguments) Calls a function of a plugin's virtual_feature.pl, if it is defined there.
sub _call_plugin {
    my ($module, $function, @arguments) = @_;
    foreign_require($module, 'virtual_feature.pl');
    (my $package = $module) =~ tr/-/_/;
    my $code = $package->can($function) or return;
    return $code->(@arguments);
}

# Printed as HTML beside the button "Show Email Client Settings" (list_users.cgi).
$text{'users_mailclientdesc'} = "Display settings that should be used by users' email clients for this domain.";

# _users_page(&domain, users) Returns what the page of a domain's users shows of the module: the title of its column, undef
# without one, its cells, and what is beside the button, which comes last (virtual-server-lib-funcs.pl, users_table;
# list_users.cgi).
sub _users_page {
    my ($d, @users) = @_;
    my $title = _call_plugin('virtualmin-mail-setup', 'mailbox_header', $d);
    my @cells = map { scalar(_call_plugin('virtualmin-mail-setup', 'mailbox_column', $_, $d)) } $title ? @users : ();
    return ($title, \@cells, $text{'users_mailclientdesc'});
}

# _user_form(&user, new, &domain) Returns what the form of a user shows of the module. Without inputs there is no section
# "Other access settings" (edit_user.cgi).
sub _user_form { my (@arguments) = @_; return _call_plugin('virtualmin-mail-setup', 'mailbox_inputs', @arguments) =~ s/^\s+|\s+$//gr }

sub _list_domain_owner_modules {
    return ([ 'mail', 'Virtual Email' ], [ 'dns', 'BIND DNS Server' ], map { _call_plugin($_, 'feature_modules') } @plugins);
}

sub _read_folder {
    my ($folder) = @_;
    opendir(my $handle, $folder) or return ();
    my @names = sort grep { !/^\./ } readdir($handle);
    return @names;
}

sub list_domains { $calls{'list_domains'}++; return map { get_domain($_) } _read_folder("$module_config_directory/domains") }

sub get_domain {
    my ($id) = @_;
    my %d;
    read_file("$module_config_directory/domains/$id", \%d) or return undef; ## no critic (Subroutines::ProhibitExplicitReturnUndef)
    return { %d, 'id' => $id };
}

sub save_domain { my ($d) = @_; _save("$module_config_directory/domains/$d->{'id'}", $d) }

# Files with the ids of domains by one of their values. The real library writes them when it saves a domain
# (build_domain_maps), map_domains() of TestPanel.pm here.
our %get_domain_by_maps = map { $_ => "$module_config_directory/map.$_" } qw(dom parent reseller);

sub _save { my ($path, $values) = @_; lock_file($path); write_file($path, $values); unlock_file($path) }

# The list of modules of the default template is in the avail_ keys of Virtualmin's configuration; one that is not set has an
# empty value (virtual-server-lib-funcs.pl, list_templates).
sub list_templates {
    return @list_templates_cache if @list_templates_cache;
    my $avail = join(' ', map { "$_->[0]=" . ($config{"avail_$_->[0]"} // '') } _list_domain_owner_modules());
    my @own;
    for my $id (grep { $_ ne '0' } _read_folder("$module_config_directory/templates")) {
        my %template;
        read_file("$module_config_directory/templates/$id", \%template);
        push(@own, { %template, 'id' => $id });
    }
    return @list_templates_cache = ({ 'id' => 0, 'standard' => 1, 'default' => 1, 'avail' => $avail }, { 'id' => 1, 'standard' => 1 }, @own);
}

sub get_template {
    my ($id) = @_;
    my ($template) = grep { $_->{'id'} eq ($id // 0) } list_templates();
    return $template;
}

sub save_template {
    my ($template) = @_;
    _save("$module_config_directory/templates/$template->{'id'}", $template);
    @list_templates_cache = ();
}

sub list_extra_admins {
    my ($d) = @_;
    my @admins;
    for my $name (_read_folder("$module_config_directory/admins/$d->{'id'}")) {
        my %admin;
        read_file("$module_config_directory/admins/$d->{'id'}/$name", \%admin);
        push(@admins, \%admin);
    }
    return @admins;
}

sub set_all_null_print { }

# _modify_webmin(&domain) Writes the modules of the owner of a top-level domain, and of their extra admins (feature-webmin.pl).
sub _modify_webmin {
    my ($d) = @_;
    _set_user_modules($d, $d->{'user'}, 0);
    _set_user_modules($d, $_->{'name'}, !$_->{'features'}) for list_extra_admins($d);
}

sub _set_user_modules {
    my ($d, $name, $no_features) = @_;
    my ($user) = grep { $_->{'name'} eq $name } acl::_fresh_users() or return;
    my @modules = ('virtual-server', grep { $_ ne 'virtual-server' && $_ ne '' } split(/ /, $d->{'webmin_modules'} // ''));
    my @domains = ($d, grep { ($_->{'parent'} // '') eq $d->{'id'} } list_domains());
    my %allowed = _allowed_modules($d);
    for my $plugin ($no_features ? () : @plugins) {
        for my $module (_call_plugin($plugin, 'feature_webmin', $d, \@domains)) {
            next if _refused(\%allowed, $module->[0]);
            push(@modules, $module->[0]);
            save_module_acl($module->[1], $name, $module->[0]);
        }
    }
    acl::modify_user($name, { %$user, 'modules' => \@modules, 'readonly' => 'virtual-server' });
}

# In 8.2 a domain has its own list, and a module that is not in it is refused. Up to 8.1.0 the list is that of the template,
# without the refused modules: they cannot be distinguished from modules that it does not mention (feature-webmin.pl,
# set_user_modules).
sub _allowed_modules {
    my ($d) = @_;
    return map { split(/=/, $_, 2) } split(/\s+/, $d->{'webmin_avail'} // '') if _is_8_2();
    my $template = get_template($d->{'template'});
    return map { my ($module, $value) = split(/=/, $_, 2); $value ? ($module, $value) : () } split(/\s+/, $template->{'avail'} || get_template(0)->{'avail'});
}

sub _refused {
    my ($allowed, $module) = @_;
    return !$allowed->{$module} if _is_8_2();
    return ($allowed->{$module} // '') ne '' && !$allowed->{$module};
}

if (_is_8_2()) {
    no strict 'refs';
    *{'get_domain_webmin_avail'} = sub { my ($d) = @_; return $d->{'webmin_avail'} // '' };
}

# The program contains the folders of the plugins, and runs their commands from there (commands-lib.pl,
# create_api_helper_command).
sub create_virtualmin_api_helper_command {
    my $path = $config{'api_helper'} or return (0, 'No writable path configured or auto-detected');
    my $folders = join(' ', map { module_root_directory($_) } 'virtual-server', @plugins);
    open(my $file, '>', $path) or return (0, "Failed to write to $path : $!");
    print {$file} "#!/bin/sh\nexport WEBMIN_CONFIG=$config_directory\ncommand=\$1\nshift\n",
        "for dir in $folders; do\n\tif [ -x \"\$dir/\$command.pl\" ]; then exec \"\$dir/\$command.pl\" \"\$@\"; fi\ndone\n",
        "echo Command \$command.pl was not found\nexit 1\n";
    close($file);
    chmod(0755, $path);
    return (1, $path);
}

sub clear_links_cache { $calls{'clear_links_cache'}++ }

sub _master_admin { return !$access{'noconfig'} }

sub reseller_admin { return $access{'reseller'} }

sub extra_admin { return $access{'admin'} }

# The domains of a reseller name the reseller, and a sub-server belongs to its parent's. The access control of an owner lists
# their domains (virtual-server-lib-funcs.pl, can_edit_domain).
sub can_edit_domain {
    my ($d) = @_;
    if ($access{'reseller'}) {
        return can_edit_domain(get_domain($d->{'parent'})) if $d->{'parent'};
        return scalar(grep { $_ eq $base_remote_user } split(/\s+/, $d->{'reseller'} // ''));
    }
    return 1 if ($access{'domains'} // '') eq '*';
    return scalar(grep { $_ eq $d->{'id'} } split(/\s+/, $access{'domains'} // ''));
}

sub can_edit_users { return _master_admin() || reseller_admin() || $access{'edit_users'} }

1;
