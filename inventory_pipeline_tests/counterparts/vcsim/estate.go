package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/vmware/govmomi/find"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/types"
)

type estate struct {
	VCenter struct {
		InstanceUUID string `json:"instance_uuid"`
	} `json:"vcenter"`
	Datacenters []struct {
		Name     string `json:"name"`
		Clusters []struct {
			Name  string        `json:"name"`
			Hosts []estateHost  `json:"hosts"`
			VMs   []estateGuest `json:"vms"`
		} `json:"clusters"`
	} `json:"datacenters"`
}

type estateHost struct {
	Name         string `json:"name"`
	Vendor       string `json:"vendor"`
	Model        string `json:"model"`
	SerialNumber string `json:"serial_number"`
	UUID         string `json:"uuid"`
	CPUModel     string `json:"cpu_model"`
	Sockets      int16  `json:"sockets"`
	Cores        int16  `json:"cores"`
	Threads      int16  `json:"threads"`
	MemoryMB     int64  `json:"memory_mb"`
	Version      string `json:"version"`
	Build        string `json:"build"`
}

type estateGuest struct {
	Name           string   `json:"name"`
	Host           string   `json:"host"`
	VCPUs          int32    `json:"vcpus"`
	CoresPerSocket int32    `json:"cores_per_socket"`
	MemoryMB       int64    `json:"memory_mb"`
	PowerState     string   `json:"power_state"`
	GuestOS        string   `json:"guest_os"`
	GuestHostName  string   `json:"guest_host_name"`
	IPAddresses    []string `json:"ip_addresses"`
	MACAddresses   []string `json:"mac_addresses"`
	InstanceUUID   string   `json:"instance_uuid"`
	BIOSUUID       string   `json:"bios_uuid"`
	IsTemplate     bool     `json:"is_template"`
}

// Times that a real vCenter knows and an estate does not say: the same in every run.
var (
	created = time.Date(2025, 3, 1, 9, 30, 0, 0, time.UTC)
	booted  = time.Date(2026, 1, 15, 4, 0, 0, 0, time.UTC)
)

// vCenter keeps these three characters of a name escaped.
var escaped = strings.NewReplacer("%", "%25", "/", "%2f", "\\", "%5c")

var guests int

// createEstate fills the simulator from an estate in JSON, through the API where the API can do it. The folder `store`
// holds the simulated datastore.
func createEstate(model *simulator.Model, path string, store string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var plan estate
	if err := json.Unmarshal(data, &plan); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	model.Datacenter = 0
	if plan.VCenter.InstanceUUID != "" {
		model.ServiceContent.About.InstanceUuid = plan.VCenter.InstanceUUID
	}
	if err := model.Create(); err != nil {
		return err
	}
	ctx := context.Background()
	client, err := vim25.NewClient(ctx, model.Service)
	if err != nil {
		return err
	}
	finder := find.NewFinder(client, false)
	for _, planned := range plan.Datacenters {
		datacenter, err := object.NewRootFolder(client).CreateDatacenter(ctx, planned.Name)
		if err != nil {
			return fmt.Errorf("datacenter %s: %w", planned.Name, err)
		}
		finder.SetDatacenter(datacenter)
		folders, err := datacenter.Folders(ctx)
		if err != nil {
			return err
		}
		for _, group := range planned.Clusters {
			cluster, err := folders.HostFolder.CreateCluster(ctx, group.Name, types.ClusterConfigSpecEx{})
			if err != nil {
				return fmt.Errorf("cluster %s: %w", group.Name, err)
			}
			hosts := map[string]*object.HostSystem{}
			for _, h := range group.Hosts {
				host, err := addHost(ctx, client, cluster, h, store)
				if err != nil {
					return fmt.Errorf("host %s: %w", h.Name, err)
				}
				hosts[h.Name] = host
			}
			pool, err := cluster.ResourcePool(ctx)
			if err != nil {
				return err
			}
			for _, guest := range group.VMs {
				host, ok := hosts[guest.Host]
				if !ok {
					return fmt.Errorf("virtual machine %s: cluster %s has no host %q", guest.Name, group.Name, guest.Host)
				}
				if err := addGuest(ctx, folders.VmFolder, pool, host, guest); err != nil {
					return fmt.Errorf("virtual machine %s: %w", guest.Name, err)
				}
			}
		}
	}
	return nil
}

func addHost(
	ctx context.Context, client *vim25.Client, cluster *object.ClusterComputeResource, h estateHost, store string,
) (*object.HostSystem, error) {
	task, err := cluster.AddHost(ctx, types.HostConnectSpec{HostName: h.Name}, true, nil, nil)
	if err != nil {
		return nil, err
	}
	info, err := task.WaitForResult(ctx, nil)
	if err != nil {
		return nil, err
	}
	ref := info.Result.(types.ManagedObjectReference)
	host := object.NewHostSystem(client, ref)
	datastores, err := host.ConfigManager().DatastoreSystem(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := datastores.CreateLocalDatastore(ctx, "LocalDS_0", store); err != nil {
		return nil, err
	}

	simulated := simulator.Map.Get(ref).(*simulator.HostSystem)
	hardware := simulated.Summary.Hardware
	hardware.Vendor, hardware.Model, hardware.Uuid, hardware.CpuModel = h.Vendor, h.Model, h.UUID, h.CPUModel
	hardware.NumCpuPkgs, hardware.NumCpuCores, hardware.NumCpuThreads = h.Sockets, h.Cores, h.Threads
	hardware.MemorySize = h.MemoryMB << 20
	hardware.OtherIdentifyingInfo = []types.HostSystemIdentificationInfo{{
		IdentifierValue: h.SerialNumber,
		IdentifierType: &types.ElementDescription{
			Description: types.Description{Label: "Service tag", Summary: "Service tag of the system"},
			Key:         "ServiceTag",
		},
	}}
	simulated.Hardware.SystemInfo = types.HostSystemInfo{Vendor: h.Vendor, Model: h.Model, Uuid: h.UUID, SerialNumber: h.SerialNumber}
	product := &simulated.Config.Product
	product.Version, product.Build = h.Version, h.Build
	product.FullName = fmt.Sprintf("VMware ESXi %s build-%s", h.Version, h.Build)
	simulated.Runtime.BootTime = &booted
	hyperthreading := h.Threads > h.Cores
	simulated.Config.HyperThread = &types.HostHyperThreadScheduleInfo{
		Available: hyperthreading, Active: hyperthreading, Config: hyperthreading,
	}

	// The simulator's hosts are copies of one machine: give each its own clock speed, addresses and cards.
	if _, speed, found := strings.Cut(h.CPUModel, "@ "); found {
		var gigahertz float64
		if _, err := fmt.Sscanf(speed, "%fGHz", &gigahertz); err == nil {
			hardware.CpuMhz = int32(gigahertz*1000 + 0.5)
		}
	}
	own := sha256.Sum256([]byte(h.UUID))
	for i := range simulated.Config.Network.Pnic {
		simulated.Config.Network.Pnic[i].Mac = fmt.Sprintf("b4:96:91:%02x:%02x:%02x", own[0], own[1], i)
	}
	for i := range simulated.Config.Network.Vnic {
		simulated.Config.Network.Vnic[i].Spec.Ip.IpAddress = fmt.Sprintf("10.250.%d.%d", own[2], 1+own[3]%254)
	}
	return host, nil
}

func addGuest(
	ctx context.Context, folder *object.Folder, pool *object.ResourcePool, host *object.HostSystem, g estateGuest,
) error {
	guests++
	task, err := folder.CreateVM(ctx, types.VirtualMachineConfigSpec{
		Name:              escaped.Replace(g.Name),
		GuestId:           string(types.VirtualMachineGuestOsIdentifierOtherGuest),
		NumCPUs:           g.VCPUs,
		NumCoresPerSocket: g.CoresPerSocket,
		MemoryMB:          g.MemoryMB,
		Uuid:              g.BIOSUUID,
		InstanceUuid:      g.InstanceUUID,
		Files:             &types.VirtualMachineFileInfo{VmPathName: fmt.Sprintf("[LocalDS_0] %d/%d.vmx", guests, guests)},
	}, pool, host)
	if err != nil {
		return err
	}
	info, err := task.WaitForResult(ctx, nil)
	if err != nil {
		return err
	}
	simulated := simulator.Map.Get(info.Result.(types.ManagedObjectReference)).(*simulator.VirtualMachine)
	simulated.Config.GuestFullName = g.GuestOS
	simulated.Config.CreateDate = &created
	simulated.Config.ChangeVersion = "2026-01-15T04:00:00.000000Z"
	simulated.Config.Template = g.IsTemplate
	if g.IsTemplate {
		simulated.ResourcePool = nil
		return nil
	}
	switch strings.ToLower(g.PowerState) {
	case "on", "poweredon":
		simulated.Runtime.PowerState = types.VirtualMachinePowerStatePoweredOn
		simulated.Runtime.BootTime = &booted
	case "suspended":
		simulated.Runtime.PowerState = types.VirtualMachinePowerStateSuspended
	}
	if simulated.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOn {
		return nil // VMware Tools report from running guests only
	}
	guest := simulated.Guest
	guest.HostName, guest.GuestFullName = g.GuestHostName, g.GuestOS
	guest.ToolsStatus = types.VirtualMachineToolsStatusToolsOk
	guest.ToolsRunningStatus = string(types.VirtualMachineToolsRunningStatusGuestToolsRunning)
	if len(g.IPAddresses) > 0 {
		guest.IpAddress = g.IPAddresses[0]
	}
	for i, mac := range g.MACAddresses {
		nic := types.GuestNicInfo{Network: "VM Network", MacAddress: mac, Connected: true, DeviceConfigId: int32(4000 + i)}
		if i == 0 {
			nic.IpAddress = g.IPAddresses
		}
		guest.Net = append(guest.Net, nic)
	}
	return nil
}
