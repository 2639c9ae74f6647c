// A vCenter for tests: govmomi's simulator, filled from an estate in JSON, with the paging of the property collector
// that the simulator lacks, and with accounts that may not read everything.
//
// Built from Debian's golang-github-vmware-govmomi-dev alone (0.24.2), without modules; see vcsim.py.
package main

import (
	"crypto/tls"
	"flag"
	"fmt"
	"log"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/vmware/govmomi/simulator"
	_ "github.com/vmware/govmomi/vapi/simulator" // tags
)

func main() {
	model := simulator.VPX()
	estatePath := flag.String("estate", "", "estate in JSON; without it, the simulator's own model by the numbers below")
	flag.IntVar(&model.Datacenter, "dc", model.Datacenter, "datacenters")
	flag.IntVar(&model.Cluster, "cluster", model.Cluster, "clusters per datacenter")
	flag.IntVar(&model.ClusterHost, "host", model.ClusterHost, "hosts per cluster")
	flag.IntVar(&model.Host, "standalone-host", model.Host, "standalone hosts per datacenter")
	flag.IntVar(&model.Folder, "folder", model.Folder, "folders around datacenters and what is in them")
	flag.IntVar(&model.Machine, "vm", model.Machine, "virtual machines per resource pool")
	flag.IntVar(&model.DelayConfig.Delay, "delay", 0, "milliseconds that every call takes")
	flag.IntVar(&collector.pageLimit, "page-limit", 0, "most objects per page, whatever the client asks for")
	flag.IntVar(&collector.failPage, "fail-page", 0, "fail at this page of a paged retrieval")
	flag.StringVar(&collector.deny, "deny", "", "type of which the account may read no property (HostSystem, VirtualMachine)")
	flag.StringVar(&collector.hide, "hide", "", "type of which the account sees no object")
	withoutTags := flag.Bool("without-tags", false, "offer no vSphere Automation API")
	standalone := flag.Bool("standalone", false, "be a host without vCenter")
	listen := flag.String("listen", "127.0.0.1:0", "address and port")
	user := flag.String("username", "reader@vsphere.local", "the only account")
	password := flag.String("password", "secret", "its password")
	flag.Parse()

	begun := time.Now()
	store, err := os.MkdirTemp("", "vcsim-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(store)
	if *estatePath != "" {
		err = createEstate(model, *estatePath, store)
	} else if *standalone {
		model = simulator.ESX()
		err = model.Create()
	} else {
		err = model.Create()
	}
	if err != nil {
		log.Fatal(err)
	}
	defer model.Remove()
	wrapPropertyCollector()

	model.Service.RegisterEndpoints = !*withoutTags
	model.Service.Listen = &url.URL{Host: *listen, User: url.UserPassword(*user, *password)}
	certificate, certificatePath, err := newCertificate()
	if err != nil {
		log.Fatal(err)
	}
	defer os.Remove(certificatePath)
	model.Service.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	server := model.Service.NewServer()
	defer server.Close()
	fmt.Printf("address=%s certificate=%s seconds=%.2f\n", server.URL.Host, certificatePath, time.Since(begun).Seconds())

	// The simulator ends with the test run that started it, even when that is killed: its standard input closes.
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		buffer := make([]byte, 1)
		for {
			if _, err := os.Stdin.Read(buffer); err != nil {
				ended <- syscall.SIGTERM
				return
			}
		}
	}()
	<-ended
}
